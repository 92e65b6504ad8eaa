"""The options of the OpenIGTLink server, the same for every command that has one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from nav.core.errors import InputError
from nav.link.network_address import listening_address

if TYPE_CHECKING:
    from rich.console import Console

    from nav.link.igtl_observer import IgtlSetup

SERVER, PROFILE = "--igtl-server", "--profile"
VERSION, TDATA, POLYDATA = "--igtl-version", "--igtl-tdata", "--igtl-polydata"


@Parameter(name="*")
@dataclass(frozen=True)
class IgtlOptions:
    """Options of a command, each None or False where it is not given."""

    server: Annotated[
        str | None,
        Parameter(
            name=SERVER,
            help="[HOST:]PORT: send poses to 3D Slicer and others by OpenIGTLink, as 18944; to "
            "programs on this computer only, unless HOST is given (0.0.0.0: every network).",
        ),
    ] = None
    profile: Annotated[
        Literal["slicer", "astm"] | None,
        Parameter(
            name=PROFILE,
            help="What is sent: slicer (default), or astm for Slicer's module AstmPhantomTest.",
        ),
    ] = None
    version: Annotated[
        Literal[1, 2] | None,
        Parameter(name=VERSION, help="Header version; 1 for clients older than protocol 3."),
    ] = None
    tdata: Annotated[
        bool,
        Parameter(name=TDATA, negative="", help="Send TDATA too, also to those who do not ask."),
    ] = False
    polydata: Annotated[
        bool,
        Parameter(
            name=POLYDATA,
            negative="",
            help="Send the case's surfaces too, also to those who do not ask.",
        ),
    ] = False

    def setups(self, console: "Console") -> "tuple[IgtlSetup, ...]":
        """Return the server that is asked for, and tell the user who can connect to it.

        Parameters
        ----------
        console : Console
            For messages to the user.

        Returns
        -------
        tuple of IgtlSetup
            One, or none where no server is asked for.

        Raises
        ------
        InputError
            An address that is none, or an option that has no meaning beside the others.
        """
        given = {
            PROFILE: self.profile is not None,
            VERSION: self.version is not None,
            TDATA: self.tdata,
            POLYDATA: self.polydata,
        }
        options = [name for name, is_given in given.items() if is_given]
        if self.server is None:
            if options:
                raise InputError(f"{options[0]}: has no meaning without {SERVER}")
            return ()
        address = listening_address(self.server, SERVER)
        if self.profile == "astm" and options != [PROFILE]:
            raise InputError(f"{options[-1]}: is not for {PROFILE} astm, which is always the same")
        from nav.link.igtl_observer import IgtlSetup

        version, profile = self.version or 2, self.profile or "slicer"
        setup = IgtlSetup(address, profile, version, self.tdata, self.polydata)
        console.print(setup.line, markup=False, soft_wrap=True)
        return (setup,)


NO_OPTIONS = IgtlOptions()
