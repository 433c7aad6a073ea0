package keyring

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// errStranger is a bus that somebody else has put there.
var errStranger = fmt.Errorf("%w: the socket of the session bus is another user's: look at DBUS_SESSION_BUS_ADDRESS", errSilent)

// listensAs refuses a socket on which a process of another user than uid listens (SO_PEERCRED,
// unix(7)): it is told which secrets Doorward looks for, and would say what they are.
func listensAs(c net.Conn, uid int) error {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return errStranger
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return fmt.Errorf("%w: whose bus it is cannot be seen: %w", errSilent, err)
	}
	var peer *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	switch {
	case errors.Join(err, asked) != nil:
		return fmt.Errorf("%w: whose bus it is cannot be seen: %w", errSilent, errors.Join(err, asked))
	case int64(peer.Uid) != int64(uid):
		return errStranger
	}
	return nil
}
