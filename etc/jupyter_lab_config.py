"""JupyterLab for the course: found through ``JUPYTER_CONFIG_PATH``, reads nothing online."""

from pathlib import Path

c = get_config()  # noqa: F821

c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LabApp.extra_labextensions_path = [str(Path(__file__).with_name("labextensions"))]
