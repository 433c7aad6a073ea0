package sink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/sink/form"
)

// Positions are where the sinks of one log have come. Whoever may write their files, and
// does not know the key, cannot make a sink leave records out.
type Positions struct {
	Dir    string            // a file for each sink
	Key    [sha256.Size]byte // of their MACs, and of nothing else
	Origin string            // the log's
}

// position is how far a sink has come: the next record, and the digest of the one
// before it, in hex; empty before the first. What it has of the records up to doubt, which
// are sent again, is not known; 0: all before next.
type position struct {
	next  uint64
	head  string
	doubt uint64
}

// first is the position of a sink that has nothing.
func first() position { return position{next: 1} }

// after is the position of a sink that has got a record since.
func (p position) after(r *form.Record) position {
	is := position{next: r.Seq + 1, head: r.Digest()}
	if p.doubt > r.Seq {
		is.doubt = p.doubt
	}
	return is
}

const maxPosition = 256 // bytes of its file

// load reads a position; the first record where there is none yet. ok is false where this
// installation has not written it for this sink of this log: then it counts for nothing, and
// is the first record, too. What is no position at all is an error: to begin anew could send
// years of records.
func (d *Positions) load(name string) (p position, ok bool, err error) {
	path := d.file(name)
	f, err := durable.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return first(), true, nil
	}
	if err != nil {
		return position{}, false, fmt.Errorf("reading a sink's position: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPosition+1))
	if err != nil {
		return position{}, false, fmt.Errorf("reading a sink's position: %w", err)
	}
	p, sealed, err := parsePosition(string(text))
	if err != nil {
		return position{}, false, fmt.Errorf("%s is no position of a sink: remove it, and every record is sent again", path)
	}
	if mac, err := hex.DecodeString(sealed); err != nil || !hmac.Equal(mac, d.mac(name, p)) {
		return first(), false, nil //nolint:nilerr // a MAC that is no hex is none
	}
	return p, true, nil
}

var errPosition = errors.New("it is no position")

// parsePosition reads what save wrote; sealed is the MAC, which is empty in those of earlier
// versions.
func parsePosition(text string) (p position, sealed string, err error) {
	parts := strings.Split(strings.TrimSuffix(text, "\n"), " ")
	if len(parts) < 2 || len(parts) > 4 {
		return p, "", errPosition
	}
	p.next, err = strconv.ParseUint(parts[0], 10, 64)
	p.head = parts[1]
	if len(parts) == 4 {
		var bad error
		p.doubt, bad = strconv.ParseUint(parts[2], 10, 64)
		err = errors.Join(err, bad)
	}
	again := p.text()
	if len(parts) > 2 {
		sealed = parts[len(parts)-1]
		again += " " + sealed
	}
	sum, bad := hex.DecodeString(p.head)
	if err != nil || p.next == 0 || again+"\n" != text || p.next > 1 && (bad != nil || len(sum) != sha256.Size) {
		return position{}, "", errPosition
	}
	return p, sealed, nil
}

func (p position) text() string {
	text := strconv.FormatUint(p.next, 10) + " " + p.head
	if p.doubt > 0 {
		text += " " + strconv.FormatUint(p.doubt, 10)
	}
	return text
}

// mac binds a position to the sink and the log that it is of.
func (d *Positions) mac(name string, p position) []byte {
	mac := hmac.New(sha256.New, d.Key[:])
	for _, part := range [...]string{"doorward sink position 1", d.Origin, name, p.text()} {
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part) // a hash takes everything
	}
	return mac.Sum(nil)
}

// save writes it whole or not at all, and durably.
func (d *Positions) save(name string, p position) error {
	text := p.text() + " " + hex.EncodeToString(d.mac(name, p)) + "\n"
	if err := durable.Replace(d.file(name), []byte(text)); err != nil {
		return fmt.Errorf("writing a sink's position: %w", err)
	}
	return nil
}

// Next is the first record that a sink does not have; the first of the log where nothing
// shows that it has any.
func (d *Positions) Next(name string) (uint64, error) {
	p, _, err := d.load(name)
	return p.next, err
}

// file is where a sink's position is kept.
func (d *Positions) file(name string) string { return filepath.Join(d.Dir, name) }
