"""Everything Trivet tells the outside about itself: events, and how they are written."""
