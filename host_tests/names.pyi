# What the annotations of firmware/ may name, in quotes and without an import: the board has no
# `typing`, and an import for an annotation alone would cost it memory.  `make` appends this to the
# built-in names that mypy knows.
import socket as _socket
import typing as _typing

import microdot as _microdot

import firmware.app as _app
import firmware.body as _body
import firmware.connection as _connection
import firmware.ethernet as _ethernet
import firmware.exchange as _exchange
import firmware.failover as _failover
import firmware.farewell as _farewell
import firmware.heads as _heads
import firmware.health as _health
import firmware.heartbeat as _heartbeat
import firmware.http1 as _http1
import firmware.job as _job
import firmware.lasting as _lasting
import firmware.link as _link
import firmware.listener as _listener
import firmware.log as _log
import firmware.memory as _memory
import firmware.radio as _radio
import firmware.response as _response
import firmware.server as _server
import firmware.slots as _slots
import firmware.status as _status
import firmware.supervisor as _supervisor
import firmware.thread as _thread
import firmware.update as _update
import firmware.update.delivery as _delivery
import firmware.update.proof as _proof
import firmware.wifi as _wifi
import firmware.wire as _wire
import firmware.workers as _workers

Anything: _typing.TypeAlias = _typing.Any  # a Microdot handler's, or a driver's
Function: _typing.TypeAlias = _typing.Callable[..., _typing.Any]
Never: _typing.TypeAlias = _typing.NoReturn
Parts: _typing.TypeAlias = _app._Parts
Pieces: _typing.TypeAlias = _typing.Iterator[str | bytes]
Fields: _typing.TypeAlias = _typing.Iterator[tuple[str, str]]
RawFields: _typing.TypeAlias = _typing.Iterator[tuple[bytes, bytes]]

Socket = _socket.socket

Microdot = _microdot.Microdot
Request = _microdot.Request
Response = _microdot.Response

Body = _body.Body
Comments = _heartbeat.Comments
Connection = _connection.Connection
Ethernet = _ethernet.Ethernet
Exchange = _exchange.Exchange
Farewell = _farewell.Farewell
Head = _http1.Head
RequestLine = _http1.RequestLine
Heartbeat = _heartbeat.Heartbeat
HeadParser = _heads.HeadParser
Health = _health.Health
Job = _job.Job
Lasting = _lasting.Lasting
Link = _link.Link
Listener = _listener.Listener
Log = _log.Log
Memory = _memory.Memory
Radio = _radio.Radio
Sender = _response.Sender
Server = _server.Server
Slot = _slots.Slot
SlotTable = _slots.SlotTable
Status = _status.Status
Supervisor = _supervisor.Supervisor
Thread = _thread.Thread
WiFi = _wifi.WiFi
Wire = _wire.Wire
WorkerPool = _workers.WorkerPool
Update = _update.Update
Delivery = _delivery.Delivery
Guard = _proof.Guard
Lines: _typing.TypeAlias = _typing.Iterator[str]
Interface: _typing.TypeAlias = _wifi.WiFi | _ethernet.Ethernet | _failover.Failover
