package egress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
)

// SOCKS version 5, RFC 1928.
const (
	socksVersion = 5
	socksNone    = 0x00 // the method without authentication
	socksNoWay   = 0xff // no method that is taken
	socksConnect = 1
	socksIPv4    = 1
	socksName    = 3
	socksIPv6    = 4

	socksFine        = 0 // replies, section 6
	socksFailed      = 1
	socksForbidden   = 2
	socksUnreachable = 4
	socksCommand     = 7
	socksAddress     = 8
)

var (
	errSocks   = errors.New("the SOCKS request is not well-formed")
	errCommand = errors.New("SOCKS commands other than CONNECT are not taken")
	errMethod  = errors.New("SOCKS without authentication is the one method that is taken")
)

// readGreeting reads the methods that a client offers (section 3), and says how many
// bytes that took; 0 where more are needed.
func readGreeting(b []byte) (n int, err error) {
	switch {
	case len(b) > 0 && b[0] != socksVersion, len(b) > 1 && b[1] == 0:
		return 0, errSocks
	case len(b) < 2 || len(b) < 2+int(b[1]):
		return 0, nil
	}
	n = 2 + int(b[1])
	if bytes.IndexByte(b[2:n], socksNone) < 0 {
		return n, errMethod
	}
	return n, nil
}

// readSocks reads a request (section 4), and says how many bytes that took; 0 where
// more are needed. A name that spells an IPv4 address counts as that address.
func readSocks(b []byte) (t target, n int, err error) {
	if len(b) < 5 {
		return target{}, 0, nil
	}
	if b[0] != socksVersion || b[2] != 0 {
		return target{}, 0, errSocks
	}
	length := 0
	switch b[3] {
	case socksIPv4:
		length = 4
	case socksIPv6:
		length = 16
	case socksName:
		length = 1 + int(b[4])
	default:
		return target{}, 0, errSocks
	}
	if n = 4 + length + 2; len(b) < n {
		return target{}, 0, nil
	}
	host := b[4 : 4+length]
	if b[3] == socksName {
		t.name, t.addr, err = readHost(string(host[1:]))
	} else {
		t.addr, _ = netip.AddrFromSlice(host)
	}
	t.port = binary.BigEndian.Uint16(b[4+length:])
	switch {
	case err != nil:
		return target{}, n, err
	case t.port == 0:
		return target{}, n, errPort
	case b[1] != socksConnect:
		return t, n, errCommand
	}
	return t, n, nil
}

// socksReply is an answer to a request; the address that it names is nobody's.
func socksReply(code byte) []byte { return []byte{socksVersion, code, 0, socksIPv4, 0, 0, 0, 0, 0, 0} }
