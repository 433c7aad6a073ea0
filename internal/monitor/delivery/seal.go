package delivery

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
	"doorward/internal/envelope"
)

// maxSealed bounds a file of the spool: a letter, or the index of 1,000, in base64.
const maxSealed = 128 << 10

// sealed is a file of the spool, under its key: what another has put there does not open.
type sealed struct {
	Sealed []byte `json:"sealed"`
}

// bound ties what is sealed to its place: one letter is not taken for another.
func bound(name string) []byte { return []byte("doorward alert spool 1\x00" + name) }

// seal is the content of the file of this name.
func (s spool) seal(name string, content any) ([]byte, error) {
	text, err := json.Marshal(content, jsontext.AllowInvalidUTF8(true)) // a certificate may name anybody
	if err != nil {
		return nil, err
	}
	box, err := envelope.Seal(s.key[:], text, bound(name))
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed{box})
}

// unseal reads what seal made. A missing file is fs.ErrNotExist.
func (s spool) unseal(path, name string, into any) error {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSealed+1))
	if err != nil {
		return err
	}
	if len(content) > maxSealed {
		return fmt.Errorf("it has more than %d bytes", maxSealed)
	}
	var box sealed
	if err := json.Unmarshal(content, &box, json.RejectUnknownMembers(true)); err != nil {
		return errors.New("it is not sealed")
	}
	text, err := envelope.Open(s.key[:], box.Sealed, bound(name))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into, json.RejectUnknownMembers(true))
}
