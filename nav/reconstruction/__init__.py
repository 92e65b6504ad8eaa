"""From a CT to a case: reading, segmentation, surfaces with their own error."""
