package listen

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// opening is how long handshakes that had begun may take to come to their end, and
// quiesced bounds the wait for their connections to be accepted.
const (
	opening  = 50 * time.Millisecond
	quiesced = time.Second
)

// syn drops a segment that opens a connection and lets every other pass: a program for
// a socket's filter, which sees segments from their TCP header on (flags: byte 13, SYN
// without ACK: RFC 9293, section 3.1).
func syn() *unix.SockFprog {
	program := [...]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x02, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
	}
	return &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
}

// quiesce lets no connection of l begin any more and waits until those that had begun
// are accepted. A listener that is closed resets what waits in its backlog: a balancer
// that has sent a call there cannot know whether it was made, and does not send it
// again. One whose connection does not begin asks again a second later, is refused then,
// and goes to another gateway. Where the kernel has no such filter, as for Multipath TCP,
// nothing is waited for.
func quiesce(l net.Listener) {
	conn, is := l.(*net.TCPListener)
	if !is {
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return // it is closed
	}
	filtered := false
	if raw.Control(func(fd uintptr) {
		filtered = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, syn()) == nil
	}) != nil || !filtered {
		return
	}
	<-time.After(opening)
	tick := time.NewTicker(opening / 10)
	defer tick.Stop()
	for end := time.Now().Add(quiesced); waiting(raw) && time.Now().Before(end); {
		<-tick.C
	}
}

// waiting tells whether a connection is in the backlog.
func waiting(raw syscall.RawConn) bool {
	n := 0
	err := raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor is small
	})
	return err == nil && n > 0
}
