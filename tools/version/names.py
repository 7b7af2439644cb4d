"""Names of the firmware's variables become names that every image of MicroPython has already.

A name that the image has not costs some 24 bytes of a board's heap, for ever, and the table of
names doubles, by 4.5 KB, at 620 of them.  Attributes that we set, arguments, and variables of
modules are nobody else's business, so they take names that are there anyway.  Functions, methods
and classes keep theirs, because tracebacks show those; so do the lines.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

# In the stock images from 1.25 on; one that an image has not costs what any other name costs.
IMAGE_NAMES = tuple(
    """
    acos acosh asin asinh atan atan2 atanh ceil cosh degrees erf erfc expm1 fabs floor fmod
    frexp gamma isfinite isinf isnan ldexp lgamma log10 log2 modf radians sinh sqrt tan tanh
    trunc BF_LEN BF_POS BFINT16 BFINT32 BFINT8 BFUINT16 BFUINT32 BFUINT8 BIG_ENDIAN FLOAT32
    FLOAT64 INT16 INT32 INT64 INT8 LITTLE_ENDIAN LONGLONG NATIVE SHORT UINT16 UINT32 UINT64
    UINT8 ULONG ULONGLONG USHORT bytes_at sizeof GS2_HMSB GS4_HMSB GS8 MONO_HLSB MONO_HMSB
    MONO_VLSB MVLSB RGB565 FrameBuffer FrameBuffer1 blit ellipse fill_rect hline vline poly
    scroll framebuf getrandbits randrange randint uniform seed crc32 hexlify unhexlify heapify
    heappop heappush calcsize pack_into unpack_from fromkeys popitem isalpha isspace isupper
    islower rindex opt_level heap_lock heap_unlock stack_use alloc_emergency_exception_buf
    kbd_intr ilistdir statvfs umount ioctl readblocks writeblocks namedtuple deque OrderedDict
    union symmetric_difference issubset issuperset difference_update intersection isdisjoint
    frozenset duty duty_u16 duty_ns read_u16 read_uv freq lightsleep deepsleep time_pulse_us
    unique_id wake_reason AUTH_CHAP AUTH_MAX AUTH_NONE AUTH_OPEN AUTH_OWE AUTH_PAP AUTH_WAPI_PSK
    AUTH_WEP AUTH_WPA2_ENTERPRISE AUTH_WPA2_PSK AUTH_WPA2_WPA3_PSK AUTH_WPA3_PSK AUTH_WPA_PSK
    AUTH_WPA_WPA2_PSK SEC_OPEN SEC_OWE SEC_WAPI SEC_WEP SEC_WPA SEC_WPA2 SEC_WPA2_ENT
    SEC_WPA2_WPA3 SEC_WPA3 SEC_WPA_WPA2 MODE_11B MODE_11G MODE_11N MODE_LR CERT_NONE
    CERT_OPTIONAL CERT_REQUIRED PROTOCOL_DTLS_CLIENT PROTOCOL_DTLS_SERVER PROTOCOL_TLS_CLIENT
    PROTOCOL_TLS_SERVER MBEDTLS_VERSION FLAG_INDICATE FLAG_NOTIFY FLAG_READ FLAG_WRITE
    FLAG_WRITE_NO_RESPONSE gap_advertise gap_connect gap_disconnect gap_name gap_pair
    gap_passkey gap_scan gattc_discover_characteristics gattc_discover_descriptors
    gattc_discover_services gattc_exchange_mtu gattc_read gattc_write gatts_indicate
    gatts_notify gatts_read gatts_register_services gatts_set_buffer gatts_write ATTN_0DB
    ATTN_11DB ATTN_2_5DB ATTN_6DB WIDTH_10BIT WIDTH_11BIT WIDTH_12BIT WIDTH_9BIT DEEPSLEEP_RESET
    HARD_RESET WDT_RESET DEEPSLEEP EXT0_WAKE EXT1_WAKE PIN_WAKE TIMER_WAKE TOUCHPAD_WAKE
    ULP_WAKE WAKE_HIGH WAKE_LOW WAKEUP_ALL_LOW WAKEUP_ANY_HIGH IRQ_FALLING IRQ_RISING IRQ_RX
    IRQ_RXIDLE INV_CTS INV_RTS INV_RX INV_TX ONE_SHOT PERIODIC OPEN_DRAIN PULL_DOWN PULL_UP
    DRIVE_0 DRIVE_1 DRIVE_2 DRIVE_3 ArithmeticError AssertionError GeneratorExit
    IndentationError LookupError NotImplementedError OverflowError ZeroDivisionError
    ViperTypeError ESPNowBase MAX_DATA_LEN MAX_ENCRYPT_PEER_NUM MAX_TOTAL_PEER_NUM ADDR_LEN
    KEY_LEN add_peer del_peer get_peer get_peers mod_peer peer_count peers_table set_pmk
    TYPE_APP TYPE_DATA BOOT RUNNING Partition mark_app_valid_cancel_rollback get_next_update
    set_boot erase_key get_blob set_blob get_i32 set_i32 raw_temperature wake_on_ext0
    wake_on_ext1 wake_on_touch wake_on_ulp gpio_deep_sleep_hold SDCard SoftI2C SoftSPI TouchPad
    VfsFat VfsLfs2 DeflateIO RingIO StringIO BufferedWriter TextIOWrapper ThreadSafeFlag
    write_pulses source_freq wrap_socket cert_reqs load_verify_locations load_cert_chain
    do_handshake server_hostname get_ident allocate_lock divmod execfile globals issubclass oct
    """.split()
)
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PUBLIC = ("run", "create_app")  # functions that an application calls with keywords
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def find(sources: Iterable[Path], foreign: Iterable[Path]) -> dict[str, str]:
    """Name to name of the image, for the modules `sources`.

    foreign  modules whose names stay, and which a module of ours may extend: Microdot's
    The same names get the same ones, as far as can be: a deploy sends what has changed.
    """
    texts = [source.read_text(encoding="utf-8") for source in sources]
    trees = [ast.parse(text) for text in texts]
    kept = {name for path in foreign for name in _IDENTIFIER.findall(path.read_text("utf-8"))}
    nodes = [node for tree in trees for node in ast.walk(tree)]
    kept |= {name for node in nodes for name in _fixed(node)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    ours = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    kept |= {node.attr for node in attributes} - ours
    wanted = {name for tree in trees for name in _variables(tree) if len(name) > 2} - kept
    used = kept | {name for text in texts for name in _IDENTIFIER.findall(text)}
    free = [name for name in IMAGE_NAMES if name not in used]
    names: dict[str, str] = {}
    for name in sorted(wanted - set(IMAGE_NAMES), key=_importance)[: len(free)]:
        at = int(hashlib.sha256(name.encode()).hexdigest(), 16)
        while free[at % len(free)] in names.values():
            at += 1
        names[name] = free[at % len(free)]
    return names


def replace(text: str, names: dict[str, str]) -> str:
    """The source with other names, line for line."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):  # so that the columns before it stay
        if token.type == tokenize.NAME and token.string in names:
            row, start = token.start
            line = lines[row - 1]
            end = token.end[1]
            lines[row - 1] = line[:start] + names[token.string] + line[end:]
    return "".join(lines)


def _variables(tree: ast.Module) -> Iterable[str]:
    """Names of attributes that are set, of arguments, and of variables of modules and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Module, ast.ClassDef)):
            for each in node.body:
                if isinstance(each, ast.Assign) and not _is_folded(each):
                    yield from (name.id for name in each.targets if isinstance(name, ast.Name))


def _fixed(node: ast.AST) -> Iterable[str]:
    """Names that others know: of functions and classes, keywords, what is imported, in texts."""
    if isinstance(node, _DEFINITION):
        yield node.name
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield from (each.arg for each in node.args.args if node.name in _PUBLIC)
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not node.func.attr.startswith("_"):  # it may be a method of MicroPython's: gc.threshold
            yield node.func.attr
    elif isinstance(node, ast.alias):
        if not node.name.isupper():
            yield from node.name.split(".")
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from node.module.split(".")
    elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        if " " not in text:  # else it is prose
            yield from _IDENTIFIER.findall(text)


def _is_folded(node: ast.Assign) -> bool:
    """Whether mpy-cross puts the value in the place of the name: `_NAME = const(1)`."""
    is_private = all(isinstance(name, ast.Name) and name.id[0] == "_" for name in node.targets)
    return is_private and getattr(getattr(node.value, "func", None), "id", "") == "const"


def _importance(name: str) -> tuple[int, str]:
    """Names that are seldom in an image come first: what is short may be there."""
    return (-("_" in name), name)
