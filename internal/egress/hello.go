package egress

import (
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Bounds of a ClientHello: those of today have 200 to 2,000 bytes.
const (
	maxHello  = 12 << 10 // bytes of its records
	maxRecord = 16 << 10 // RFC 8446, section 5.1
)

var (
	errClear = errors.New("what came is no TLS")
	errHello = errors.New("the ClientHello is not well-formed")
)

// helloAlert is a fatal alert, unrecognized_name (RFC 6066, section 3), in a record.
//
//nolint:gochecknoglobals // a constant; read-only
var helloAlert = []byte{21, 3, 3, 0, 2, 2, 112}

// readHello reads the server name of a ClientHello (RFC 8446, section 4.1.2) that lies
// in one or more records; "" where it has none. With Encrypted Client Hello that is the
// outer name. need is how many bytes are wanted where b has too few; it is 0 otherwise.
// A server name that is there twice is refused, since servers differ in which they take.
func readHello(b []byte) (name string, need int, err error) {
	var message []byte
	for at := 0; ; {
		if len(b) > 0 && b[0] != 22 || len(b) > 1 && b[1] != 3 {
			return "", 0, errClear
		}
		if len(b) < at+5 {
			return "", at + 5, nil
		}
		length := int(b[at+3])<<8 | int(b[at+4])
		if b[at] != 22 || b[at+1] != 3 || length == 0 || length > maxRecord || at+5+length > maxHello {
			return "", 0, errHello
		}
		if len(b) < at+5+length {
			return "", at + 5 + length, nil
		}
		message = append(message, b[at+5:at+5+length]...)
		at += 5 + length
		if len(message) < 4 {
			continue
		}
		size := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
		switch {
		case message[0] != 1 || size > maxHello || len(message) > 4+size:
			return "", 0, errHello
		case len(message) == 4+size:
			name, err = serverName(message[4:])
			return name, 0, err
		}
	}
}

// serverName reads the body of a ClientHello.
func serverName(body cryptobyte.String) (string, error) {
	var session, ciphers, compression, extensions cryptobyte.String
	if !body.Skip(2+32) || !body.ReadUint8LengthPrefixed(&session) || len(session) > 32 ||
		!body.ReadUint16LengthPrefixed(&ciphers) || !body.ReadUint8LengthPrefixed(&compression) {
		return "", errHello
	}
	if body.Empty() {
		return "", nil
	}
	if !body.ReadUint16LengthPrefixed(&extensions) || !body.Empty() {
		return "", errHello
	}
	name := ""
	for !extensions.Empty() {
		var kind uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&data) {
			return "", errHello
		}
		if kind != 0 { // server_name
			continue
		}
		var list, one cryptobyte.String
		var of uint8
		if name != "" || !data.ReadUint16LengthPrefixed(&list) || !data.Empty() ||
			!list.ReadUint8(&of) || of != 0 || !list.ReadUint16LengthPrefixed(&one) || len(one) == 0 || !list.Empty() {
			return "", errHello
		}
		name = strings.ToLower(string(one))
	}
	return name, nil
}

// judgeHello tells whether a ClientHello's server name is the host that was asked for.
// A host that is an address has none (RFC 6066, section 3).
func judgeHello(name string, t target) (Code, bool) {
	switch {
	case name == "" && t.name != "":
		return Unnamed, false
	case name != t.name:
		return Mismatch, false
	}
	return "", true
}
