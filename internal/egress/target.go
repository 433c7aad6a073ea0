package egress

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"doorward/internal/policy/places"
)

// target is where a command wants to go: a name in lower case or an address, and a
// port.
type target struct {
	name string     // "" where addr is
	addr netip.Addr // as it was written; not valid where name is
	port uint16
}

var (
	errHost = errors.New("the host is neither a DNS name nor an address as it is written canonically")
	errPort = errors.New("the port is no number between 1 and 65535")
)

// readTarget reads host:port, with own as the port where none stands; 0 is none.
func readTarget(authority string, own uint16) (t target, err error) {
	host, port := authority, ""
	if end := strings.LastIndexByte(authority, ']'); end >= 0 {
		host, port = authority[:end+1], authority[end+1:]
	} else if colon := strings.LastIndexByte(authority, ':'); colon >= 0 {
		host, port = authority[:colon], authority[colon:]
	}
	if t.name, t.addr, err = readHost(host); err != nil {
		return target{}, err
	}
	if port == "" && own != 0 {
		t.port = own
		return t, nil
	}
	digits, ok := strings.CutPrefix(port, ":")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || n == 0 || digits[0] == '0' || digits[0] == '+' {
		return target{}, errPort
	}
	t.port = uint16(n)
	return t, nil
}

// readHost reads a name or an address, one of IPv6 in brackets. Other spellings of an
// address, such as 0x7f000001 and 127.1 (POL-36), are names that places refuses.
func readHost(host string) (name string, addr netip.Addr, err error) {
	inside, bracket := strings.CutPrefix(host, "[")
	if bracket {
		inside, bracket = strings.CutSuffix(inside, "]")
	}
	addr, err = netip.ParseAddr(inside)
	if err == nil && addr.Zone() == "" && addr.Is6() == bracket && strings.HasPrefix(host, "[") == bracket {
		return "", addr, nil
	}
	name = strings.ToLower(host)
	if places.Spelled(name) != "" {
		return "", netip.Addr{}, errHost
	}
	return name, netip.Addr{}, nil
}

// host is the name or the address, without brackets.
func (t target) host() string {
	if t.name != "" {
		return t.name
	}
	return t.addr.String()
}

// shown is the target for a report; nothing of one that could not be read.
func (t target) shown() (string, uint16) {
	if t.name == "" && !t.addr.IsValid() {
		return "", 0
	}
	return t.host(), t.port
}

// String is the target as an authority.
func (t target) String() string {
	if t.addr.Is6() {
		return "[" + t.addr.String() + "]:" + strconv.Itoa(int(t.port))
	}
	return t.host() + ":" + strconv.Itoa(int(t.port))
}
