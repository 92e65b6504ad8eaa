"""NAME=VALUE, as options of commands give it."""


def split_assignment(word: str) -> tuple[str, str]:
    """Split NAME=VALUE at its last equals sign.

    Parameters
    ----------
    word : str
        As given on the command line.

    Returns
    -------
    name : str
        Empty where there is no equals sign, or nothing before it.
    value : str
        Empty where nothing follows the equals sign.
    """
    name, _, value = word.rpartition("=")
    return name.strip(), value.strip()
