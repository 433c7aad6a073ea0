package egress

import "net/netip"

// ReadHead, ReadHello, ReadGreeting and ReadSocks are the parsers, for the fuzz tests.
func ReadHead(b []byte) (host string, port uint16, tunnel bool, err error) {
	h, err := readHead(b)
	if err != nil {
		return "", 0, false, err
	}
	host, port = h.to.shown()
	return host, port, h.tunnel, nil
}

func ReadHello(b []byte) (name string, need int, err error) { return readHello(b) }

func ReadGreeting(b []byte) (int, error) { return readGreeting(b) }

func ReadSocks(b []byte) (name string, addr netip.Addr, n int, err error) {
	t, n, err := readSocks(b)
	return t.name, t.addr, n, err
}
