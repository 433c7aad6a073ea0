package egress_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"strings"
	"testing"

	"doorward/internal/egress"
)

// extension is one of a ClientHello.
func extension(kind uint16, data string) string {
	return string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(len(data)))) + data
}

// named is a server_name extension with these names.
func named(names ...string) string {
	list := ""
	for _, n := range names {
		list += "\x00" + string(binary.BigEndian.AppendUint16(nil, uint16(len(n)))) + n
	}
	return extension(0, string(binary.BigEndian.AppendUint16(nil, uint16(len(list))))+list)
}

// wrapped is a message of a kind in records of at most so many bytes.
func wrapped(kind byte, body string, most int) []byte {
	message := string([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}) + body
	var out []byte
	for len(message) > 0 {
		n := min(most, len(message))
		out = append(append(out, 22, 3, 1, byte(n>>8), byte(n)), message[:n]...)
		message = message[n:]
	}
	return out
}

func body(extensions string) string {
	return "\x03\x03" + strings.Repeat("r", 32) + "\x00" + "\x00\x02\x13\x01" + "\x01\x00" +
		string(binary.BigEndian.AppendUint16(nil, uint16(len(extensions)))) + extensions
}

func TestHello(t *testing.T) {
	const host = "api.ok.test"
	for _, c := range []struct {
		name string
		sent []byte
		want string
		good bool
	}{
		{"whole", wrapped(1, body(named(host)), 1000), host, true},
		{"in upper case", wrapped(1, body(named("API.ok.test")), 1000), host, true},
		{"in records of 3 bytes", wrapped(1, body(named(host)), 3), host, true},
		{"without extensions", wrapped(1, strings.TrimSuffix(body(""), "\x00\x00"), 1000), "", true},
		{"without a name", wrapped(1, body(extension(43, "\x02\x03\x04")), 1000), "", true},
		{"of ECH, whose outer name counts", wrapped(1, body(extension(0xfe0d, strings.Repeat("e", 200))+named(host)), 1000), host, true},
		{"two names", wrapped(1, body(named(host, "evil.test")), 1000), "", false},
		{"the extension twice", wrapped(1, body(named(host)+named("evil.test")), 1000), "", false},
		{"an empty name", wrapped(1, body(named("")), 1000), "", false},
		{"bytes after the extensions", wrapped(1, body(named(host))+"x", 1000), "", false},
		{"bytes after the message", append(wrapped(1, body(named(host)), 1000)[:4], append([]byte{byte(len(body(named(host))) + 5)}, wrapped(1, body(named(host))+"x", 1000)[5:]...)...), "", false},
		{"another message", wrapped(2, body(named(host)), 1000), "", false},
		{"an empty record", []byte("\x16\x03\x01\x00\x00"), "", false},
		{"too long", wrapped(1, body(named(host)+extension(21, strings.Repeat("\x00", 13<<10))), 16000), "", false},
		{"SSL 2", []byte("\x80\x2e\x01\x03\x01"), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, need, err := egress.ReadHello(c.sent)
			if need != 0 || name != c.want || (err == nil) != c.good {
				t.Errorf("%q, %d more, %v", name, need, err)
			}
		})
	}
}

// However the bytes of a hello come, it is asked for until it is whole.
func TestHelloPiecemeal(t *testing.T) {
	whole := wrapped(1, body(named("api.ok.test")), 40)
	for cut := range whole {
		if name, need, err := egress.ReadHello(whole[:cut]); name != "" || need <= cut || err != nil {
			t.Fatalf("of %d bytes: %q, %d, %v", cut, name, need, err)
		}
	}
	if !bytes.HasPrefix([]byte(hello(t, "api.ok.test")), []byte{22, 3}) {
		t.Errorf("crypto/tls of %s sends no record", tls.VersionName(tls.VersionTLS13))
	}
}
