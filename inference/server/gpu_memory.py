"""GPU memory that this process holds, asked of the driver's own library where there is one."""

import ctypes
import os
from typing import Final

_UNKNOWN: Final = 2**64 - 1
"""What NVML says where the driver cannot tell."""


class _Process(ctypes.Structure):
    """NVML's nvmlProcessInfo_t, second version."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used_bytes", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


def gpu_memory_bytes() -> int | None:
    """Sum what this process holds on all GPUs; None without a driver."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return None
        return sum(_held(nvml, index) for index in range(count.value))
    finally:
        nvml.nvmlShutdown()


def _held(nvml: ctypes.CDLL, index: int) -> int:
    device = ctypes.c_void_p()
    if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) != 0:
        return 0
    room = ctypes.c_uint(256)
    processes = (_Process * room.value)()
    if nvml.nvmlDeviceGetComputeRunningProcesses_v2(device, ctypes.byref(room), processes) != 0:
        return 0
    return sum(
        process.used_bytes
        for process in processes[: room.value]
        if process.pid == os.getpid() and process.used_bytes != _UNKNOWN
    )
