"""Messages of links to other programs: poses of another tracker, services, streams, in English."""

from nav.text.template import Parts, Plural, Template

LINKS: dict[str, Template] = {
    # poses of another tracker over OpenIGTLink
    "tracker_connecting": "connecting to {server}",
    "tracker_not_connected": Parts("no connection to {server}", "{problem}"),
    "tracker_sends_nothing": "{server} is connected, but sends no poses",
    "tracker_names_unknown": Parts(
        "{tool} is not among what {server} sends",
        "it sends {names}; say which one is meant with --igtl-name {tool}=NAME",
    ),
    "reported_far": "the tracker's pose of {tool} is farther away than trackers reach",
    "reported_scaled": "the tracker's pose of {tool} is not rigid: it scales",
    "reported_sheared": "the tracker's pose of {tool} is not rigid: it shears",
    "reported_mirrored": "the tracker's pose of {tool} is not rigid: it mirrors",
    "reported_twice": "the tracker reports {tool} at two places at once",
    "tracker_no_times": (
        "{server} does not say when poses are measured: they count as measured when they arrive"
    ),
    "tracker_clock_unreliable": (
        "the clock of {server} jumps again and again: poses count as measured when they arrive"
    ),
    "tracker_clock_jumped": "the clock of {server} has jumped by {seconds:.2f} s",
    "tracker_slow": (
        "{server} sends {rate:.1f} poses per second; with fewer than {least:.0f} the display is "
        "blank between them"
    ),
    "tracker_stream": "{server}: {rate:.0f} poses per second, jitter {jitter_ms:.1f} ms",
    "tracker_stream_timed": (
        "{server}: {rate:.0f} poses per second, jitter {jitter_ms:.1f} ms, its clock is known to "
        "{clock_ms:.1f} ms"
    ),
    # the OpenIGTLink server
    "igtl_clients": Plural(
        "OpenIGTLink at {address}: {count} program is connected",
        "OpenIGTLink at {address}: {count} programs are connected",
        "count",
    ),
    "igtl_open_to_network": "OpenIGTLink at {address}: other computers can read it",
    "igtl_dropped": (
        "OpenIGTLink: a program reads too slowly, {dropped:.0f} older messages did not reach it"
    ),
    "igtl_late": (
        "OpenIGTLink: {late:.0f} results were not sent, as this computer has too much to do"
    ),
    "igtl_refused": "OpenIGTLink: a program was disconnected: {problem}",
    "igtl_failed": "OpenIGTLink has failed, tracking continues: {problem}",
    # the service that emulates the Polaris protocol
    "polaris_clients": "Polaris protocol emulated at {address}, clients: {clients}",
    "polaris_open_to_network": (
        "Polaris protocol emulated at {address}: other computers can read it, clients: {clients}"
    ),
    # Lab Streaming Layer
    "lsl_this_computer": (
        "LSL streams are announced on this computer only, but have no access control"
    ),
    "lsl_network": "LSL streams can be found and read by every computer of the network",
    "lsl_failed": "LSL streams have failed: {problem}",
}
