"""Receives sd_notify messages on a Unix datagram socket, as systemd does: prints each, then closes the descriptors that came with it.

Usage: notify-receiver.py <socket path> <delay before each is read, in seconds>
"""
import array
import json
import os
import socket
import sys
import time

path, delay = sys.argv[1], float(sys.argv[2])
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(path)
print("listening", flush=True)
while True:
    time.sleep(delay)
    text, ancillary, _, _ = receiver.recvmsg(4096, socket.CMSG_SPACE(64))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for descriptor in array.array("i", data[: len(data) - len(data) % 4]):
                os.close(descriptor)
    print(json.dumps(text.decode()), flush=True)
