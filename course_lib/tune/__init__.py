"""What lesson 03 shows and needs: pictures, data for an own assistant, the task's evidence."""
