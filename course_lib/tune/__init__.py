"""What lesson 03 shows and needs: pictures, tokens with loss, data for an own assistant, evidence."""
