// Notes which hints of a lesson were opened: their numbers, in the metadata of the cell that holds
// them. So the note is saved with the notebook, is handed in with it, and goes nowhere else.
// JupyterLab loads this file as it is; nothing builds it.
(() => {
  const KEY = "hints_opened"; // course_lib/learner/notebook.py reads it

  const note = app => event => {
    const hint = event.target;
    if (!(hint instanceof HTMLDetailsElement) || !hint.open) return;
    for (const panel of app.shell.widgets("main")) {
      if (!panel.node.contains(hint) || !panel.model?.getMetadata?.("course")?.lesson) continue;
      const cell = panel.content.widgets.find(one => one.node.contains(hint));
      if (cell?.model.type !== "markdown") continue;
      const number = [...cell.node.querySelectorAll("details")].indexOf(hint);
      const known = cell.model.getMetadata(KEY) ?? [];
      if (!known.includes(number)) cell.model.setMetadata(KEY, [...known, number]);
    }
  };

  const plugin = {
    id: "camp-hints:plugin",
    autoStart: true,
    activate: app => document.addEventListener("toggle", note(app), true), // it does not bubble
  };

  (window._JUPYTERLAB ??= {})["camp-hints"] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
