"""lab.toml: a whole set-up in one file, from which `nav live` takes what no option gives."""
