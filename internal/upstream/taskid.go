package upstream

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// Bounds of the ids of tasks.
const (
	taskTTL   = 24 * time.Hour // of an id, where the upstream keeps its task longer
	maxTask   = 1 << 10        // bytes of an upstream's own id, as JSON
	maxTaskID = 4 << 10        // bytes of the text that a client brings: the longest names and ids take 3 KiB
)

// taskSealer makes the ids by which clients know tasks. An id is no credential:
// it can be opened only for the principal, the profile and the era that it was
// made for. Both keys are derived from the key of the pool (RFC 5869), so that
// nothing that is sealed for another purpose opens as a task.
//
// The same task with the same expiry has the same text: the nonce is an HMAC of
// everything that is sealed and of what that is bound to, so that one nonce never
// serves two of them.
type taskSealer struct {
	aead  cipher.AEAD
	nonce []byte // key of the HMAC
}

func newTaskSealer(key [32]byte) (taskSealer, error) {
	var t taskSealer
	var err error
	if t.nonce, err = hkdf.Key(sha256.New, key[:], nil, "doorward task nonce", sha256.Size); err != nil {
		return t, fmt.Errorf("deriving a key: %w", err)
	}
	var sealing [32]byte
	derived, err := hkdf.Key(sha256.New, key[:], nil, "doorward task id", len(sealing))
	if err != nil {
		return t, fmt.Errorf("deriving a key: %w", err)
	}
	copy(sealing[:], derived)
	t.aead, err = newSealer(sealing)
	return t, err
}

// taskBinding is what an id is bound to: the principal, which has the tenant in
// it, the profile and the era. The parts are length-prefixed.
func taskBinding(ex *gate.Exchange) []byte {
	var b []byte
	for _, s := range [...]string{ex.Principal.Key(), ex.Inbound.Profile, ex.Call.Era.String()} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by config and the identity
		b = append(b, s...)
	}
	return b
}

// seal is the text by which the exchange's client knows a task.
func (t *taskSealer) seal(ex *gate.Exchange, task gate.Task, expiry time.Time) (string, error) {
	switch {
	case ex.Principal == nil:
		return "", errors.New("sealing a task for nobody")
	case len(task.ID) > maxTask:
		return "", fmt.Errorf("%w: the id of a task has %d bytes", errTooLarge, len(task.ID))
	}
	binding, plain := taskBinding(ex), packTask(task, expiry)
	mac := hmac.New(sha256.New, t.nonce)
	mac.Write(binding) // which says itself where it ends
	mac.Write(plain)
	nonce := mac.Sum(nil)[:t.aead.NonceSize():t.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(t.aead.Seal(nonce, nonce, plain, binding)), nil
}

// open reads what seal made for the same binding, until its expiry.
func (t *taskSealer) open(ex *gate.Exchange, id string) (gate.Task, bool) {
	if ex.Principal == nil || len(id) > maxTaskID || strings.ContainsAny(id, "\r\n") { // which the decoder skips
		return gate.Task{}, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id)
	n := t.aead.NonceSize()
	if err != nil || len(sealed) < n {
		return gate.Task{}, false
	}
	plain, err := t.aead.Open(nil, sealed[:n], sealed[n:], taskBinding(ex))
	if err != nil {
		return gate.Task{}, false
	}
	task, expiry, ok := unpackTask(plain)
	return task, ok && time.Now().Before(expiry)
}

// packTask is what is sealed in an id: the expiry in Unix milliseconds, the
// upstream and the tool with their lengths before them, and the upstream's id.
func packTask(task gate.Task, expiry time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(expiry.UnixMilli()))
	for _, s := range [...]string{task.Upstream, task.Tool} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s))) //nolint:gosec // bounded by config and by mcp's names
		b = append(b, s...)
	}
	return append(b, task.ID...)
}

// unpackTask reverses packTask.
func unpackTask(b []byte) (task gate.Task, expiry time.Time, ok bool) {
	if len(b) < 8 {
		return gate.Task{}, time.Time{}, false
	}
	expiry = time.UnixMilli(int64(binary.BigEndian.Uint64(b))) //nolint:gosec // sealed by us
	b = b[8:]
	for _, to := range [...]*string{&task.Upstream, &task.Tool} {
		if len(b) < 2 {
			return gate.Task{}, time.Time{}, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return gate.Task{}, time.Time{}, false
		}
		*to, b = string(b[:n]), b[n:]
	}
	task.ID = b
	_, ok = text(b)
	return task, expiry, ok && task.Upstream != "" && task.Tool != ""
}

// Task opens the id of a task that the call names; see resolve.Tasks.
func (p *Pool) Task(ex *gate.Exchange) (gate.Task, bool) {
	return p.tasks.sealer.open(ex, ex.Call.Name)
}

// quoted is an id as a JSON string.
func quoted(id string) []byte { return jsonrpc.AppendString(nil, id) }
