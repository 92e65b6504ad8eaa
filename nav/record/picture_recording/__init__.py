"""Images of webcams recorded into folders, as `--images` of other commands reads them."""
