"""Sentences for people, made from codes and facts; see `nav.text.catalogue`."""
