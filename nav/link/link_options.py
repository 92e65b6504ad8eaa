"""The options of the services beside OpenIGTLink: Polaris protocol and Lab Streaming Layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from nav.core.errors import InputError
from nav.link.network_address import listening_address

if TYPE_CHECKING:
    from rich.console import Console

    from nav.link.lsl_stream import LslSetup
    from nav.link.polaris_service import PolarisSetup

POLARIS, LSL, LSL_NETWORK = "--polaris", "--lsl", "--lsl-network"
EXPOSED = "OPEN TO THE NETWORK: every computer that can reach it can read it"


@Parameter(name="*")
@dataclass(frozen=True)
class LinkOptions:
    """Options of a command, each None or False where it is not given."""

    polaris: Annotated[
        str | None,
        Parameter(
            name=POLARIS,
            help="[HOST:]PORT: let programs for Polaris trackers track through us, as 8765; it "
            "emulates their protocol. Programs on this computer only, unless HOST is given.",
        ),
    ] = None
    lsl: Annotated[
        bool,
        Parameter(
            name=LSL,
            negative="",
            help="Stream poses, distances and markers by the Lab Streaming Layer; found by "
            "programs on this computer.",
        ),
    ] = False
    lsl_network: Annotated[
        bool,
        Parameter(name=LSL_NETWORK, negative="", help="The same, found in the whole network."),
    ] = False

    def setups(self, console: "Console") -> "tuple[PolarisSetup | LslSetup, ...]":
        """Return the services that are asked for, and tell the user who can read them.

        Parameters
        ----------
        console : Console
            For messages to the user.

        Returns
        -------
        tuple of PolarisSetup or LslSetup

        Raises
        ------
        InputError
            An address that is none, or pylsl is missing.
        """
        made: list[PolarisSetup | LslSetup] = []
        if self.polaris is not None:
            from nav.link import polaris_service

            address = listening_address(self.polaris, POLARIS)
            if address.port == 0:
                raise InputError(f"{POLARIS} {self.polaris}: expected a port of 1 to 65535")
            reach = "this computer only" if address.is_loopback else EXPOSED
            _print_line(console, f"Polaris protocol (emulated) on {address}: {reach}")
            made.append(polaris_service.PolarisSetup(address))
        if self.lsl or self.lsl_network:
            from nav.link import lsl_stream

            lsl_stream.load_pylsl()
            where = EXPOSED if self.lsl_network else "announced on this computer only"
            _print_line(console, f"Lab Streaming Layer: {where} (LSL has no access control)")
            made.append(lsl_stream.LslSetup(self.lsl_network))
        return tuple(made)


def _print_line(console: "Console", line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


NO_LINKS = LinkOptions()
