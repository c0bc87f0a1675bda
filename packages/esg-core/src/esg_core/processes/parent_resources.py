"""What the parent of workers holds for its whole life: sockets, files, memory, and the application if it is preloaded.

Knows what they are, not what is done with them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esg_core.asgi import Application
from esg_core.lifecycle.pid_file import PidFile
from esg_core.lifecycle.systemd import Notifier
from esg_core.processes.handover import Predecessor
from esg_core.processes.shared_sockets import SharedSockets
from esg_core.sockets.board import Rows
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.processes.udp.seats import Seats


@dataclass
class ParentResources:
    """What a parent needs besides its configuration.

    `preloaded` is the application if workers are forked; `variables` is the environment that the program was started
    with. `pid_file` is already written unless there is a `predecessor`. `worker_ended` is called with the process ID of
    each worker that has ended. `admin` are the sockets of the admin address. Workers publish what they hold in `rows`;
    None if they have no queue in common. `seats` are their places at the UDP ports, if HTTP/3 is served.
    """

    shared_sockets: SharedSockets
    notifier: Notifier
    pid_file: PidFile | None
    predecessor: Predecessor | None
    preloaded: Application | None
    variables: Mapping[str, str]
    worker_ended: Callable[[int], None]
    admin: Sequence[BoundSocket] = ()
    rows: Rows | None = None
    seats: "Seats | None" = None
