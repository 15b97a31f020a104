"""A link with a delay: two network namespaces, joined by two TUN devices and a process per direction that holds packets.

The namespaces have no names and are held by file descriptors of this process, so whatever ends it, with whatever signal, takes
them, their devices and the carriers along. Both have loopback up. The devices' MTU is 1500, as on Ethernet; TCP hands over up to
64 KiB of segments at a time (segmentation offload, as network cards have it), which is what lets Python carry gigabits. With a
limit of bandwidth or with loss packets are carried one by one.
"""
import collections
import contextlib
import ctypes
import fcntl
import os
import random
import select
import signal
import socket
import struct
import time

SERVER_ADDRESS = "192.0.2.1"  # of a network that is reserved for examples (RFC 5737); scripts/serve certifies it
CLIENT_ADDRESS = "192.0.2.2"
NETMASK = "255.255.255.0"
# What a kernel has by default, so that figures do not depend on the machine's own tuning. (Not the congestion control: a
# namespace may only choose among those that the machine allows.)
SYSTEM_SETTINGS = {"tcp_rmem": "4096 131072 6291456", "tcp_wmem": "4096 16384 4194304"}

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFTXQLEN = 0x8914, 0x8916, 0x891C, 0x8943
IFF_UP = 0x1

VNET_HEADER = 10  # struct virtio_net_hdr, in front of each packet; it passes unchanged from one device to the other
LARGEST_PACKET = VNET_HEADER + 65535
QUEUE_PACKETS = 10000  # of a device, while its carrier waits for a processor
LONGEST_QUEUE = 0.1  # seconds that packets wait for a limited bandwidth before they are dropped: a router's buffer

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(number=signal.SIGKILL):
    """Makes the kernel send this process a signal when its parent ends, in whatever way; for use after fork."""
    libc.prctl(PR_SET_PDEATHSIG, number)


def enter(namespace):
    """Moves this process, its network alone, into a namespace given by its file descriptor. Mounts stay where they are."""
    check(libc.setns(namespace, CLONE_NEWNET))


class Link:
    """The link while it exists. `round_trip` in milliseconds, `rate` in Mbit/s a direction (None: no limit), `loss` in percent.

    `server` and `client` are the file descriptors of the two namespaces."""

    def __init__(self, round_trip, rate=None, loss=0.0):
        self.round_trip, self.rate, self.loss = round_trip, rate, loss
        offload = not rate and not loss
        self.server, server_device = self.make_end(SERVER_ADDRESS, offload)
        self.client, client_device = self.make_end(CLIENT_ADDRESS, offload)
        self.carriers = [self.start_carrier(server_device, client_device), self.start_carrier(client_device, server_device)]
        os.close(server_device)
        os.close(client_device)

    def __str__(self):
        text = f"{self.round_trip:g} ms"
        text += f", {self.rate:g} Mbit/s" if self.rate else ""
        return text + (f", {self.loss:g} % loss" if self.loss else "")

    @staticmethod
    def make_end(address, offload):
        """A new namespace with loopback and a TUN device; returns the file descriptors of both."""
        with open("/proc/self/ns/net") as home:
            check(libc.unshare(CLONE_NEWNET))
            try:
                namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                for name, value in SYSTEM_SETTINGS.items():
                    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/" + name, "w") as file:
                        file.write(value)
                device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"link", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
                fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 if offload else 0)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                    def configure(request, name, content):
                        fcntl.ioctl(control, request, struct.pack("16s24s", name, content))

                    def ip(text):
                        return struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(text))

                    configure(SIOCSIFFLAGS, b"lo", struct.pack("H", IFF_UP))
                    configure(SIOCSIFTXQLEN, b"link", struct.pack("i", QUEUE_PACKETS))
                    configure(SIOCSIFADDR, b"link", ip(address))
                    configure(SIOCSIFNETMASK, b"link", ip(NETMASK))
                    configure(SIOCSIFFLAGS, b"link", struct.pack("H", IFF_UP))
            finally:
                enter(home.fileno())
        return namespace, device

    def start_carrier(self, source, target):
        process = os.fork()
        if process:
            return process
        try:
            die_with_parent()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the parent decides; a terminal's ^C reaches everybody
            libc.prctl(PR_SET_TIMERSLACK, 1000)
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, -20)
            carry(source, target, self.round_trip / 2000, self.rate, self.loss)
        finally:
            os._exit(1)

    def close(self):
        """Ends what still runs in the namespaces, then the link."""
        self.end_processes(self.client)
        self.end_processes(self.server)
        for carrier in self.carriers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(carrier, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(carrier, 0)
        os.close(self.server)
        os.close(self.client)

    @staticmethod
    def end_processes(namespace, patience=5.0):
        """Ends all processes of a namespace: with SIGTERM, by which a mount unmounts, and later with SIGKILL."""
        begin = time.monotonic()
        while running := processes(namespace):
            late = time.monotonic() - begin
            if late > 2 * patience:
                return
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if late > patience else signal.SIGTERM)
            time.sleep(0.1)


def processes(namespace):
    """The ids of the processes whose network is `namespace`."""
    wanted, found = os.fstat(namespace).st_ino, []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}/ns/net").st_ino == wanted:
                found.append(int(name))
    return found


def carry(source, target, delay, rate, loss):
    """Writes each packet of `source` to `target` after `delay` seconds, in order, for ever."""
    waiting = collections.deque()  # (time when it is due, packet)
    sent = 0.0  # when the last packet will have left a link of limited bandwidth
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            with contextlib.suppress(OSError):  # a full or closed device: a packet lost
                os.write(target, waiting.popleft()[1])
        readable = select.select([source], [], [], max(0, waiting[0][0] - time.monotonic()) if waiting else None)[0]
        if not readable:
            continue
        now = time.monotonic()
        for _ in range(64):
            try:
                packet = os.read(source, LARGEST_PACKET)
            except BlockingIOError:
                break
            if loss and random.random() * 100 < loss:
                continue
            if rate:
                begin = max(now, sent)
                if begin - now > LONGEST_QUEUE:
                    continue
                sent = begin + (len(packet) - VNET_HEADER) * 8e-6 / rate
                waiting.append((sent + delay, packet))
            else:
                waiting.append((now + delay, packet))
