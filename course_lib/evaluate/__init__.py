"""What lesson 05 evaluates with: its own exam, OpenCompass's configurations, results, evidence."""
