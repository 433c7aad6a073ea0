package upstream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// stateTTL is how long a client may take to answer what a requestState waits
// for (2026-07-28, multi round-trip requests: "short TTL").
const stateTTL = time.Hour

func newSealer(key [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// binding is what a requestState is bound to: principal, upstream, method and
// the named thing. The parts are length-prefixed.
func binding(ex *gate.Exchange) []byte {
	name := ex.Call.Name
	if ex.Target.Item != nil {
		name = ex.Target.Item.Name
	}
	var b []byte
	for _, s := range [...]string{ex.Principal.Key(), ex.Target.Upstream, ex.Call.Message.Method, name} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by the message
		b = append(b, s...)
	}
	return b
}

// sealState wraps the requestState of an upstream's result, so that only this
// principal can bring it back, to this thing, within stateTTL.
func (p *Pool) sealState(ex *gate.Exchange, m *gate.Message) (*gate.Message, error) {
	if m.Kind != gate.Result || ex.Call.Era != gate.Stateless {
		return m, nil
	}
	at, ok := m.Field("requestState")
	if !ok {
		return m, nil
	}
	tok := m.Bytes(at)
	if tok[0] != '"' {
		return nil, errors.Join(errProtocol, errors.New("requestState is not a string"))
	}
	nonce := make([]byte, p.sealer.NonceSize(), p.sealer.NonceSize()+8+len(tok)+p.sealer.Overhead())
	_, _ = rand.Read(nonce)                                                              // does not fail (crypto/rand)
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(stateTTL).Unix())) //nolint:gosec // a time after 1970 is not negative
	sealed := p.sealer.Seal(nonce, nonce, append(plain, tok...), binding(ex))
	quoted := `"` + base64.RawURLEncoding.EncodeToString(sealed) + `"`
	return mcp.ParseUpstream(jsonrpc.Splice(m.Raw, jsonrpc.Edit{At: jsonrpc.Span(at), New: []byte(quoted)}))
}

// openState is the upstream's own token for the requestState that a client
// brings back, nil when it brings none.
func (p *Pool) openState(ex *gate.Exchange) ([]byte, error) {
	m := ex.Call.Message
	at, ok := m.Field("requestState")
	if !ok || ex.Call.Era != gate.Stateless {
		return nil, nil
	}
	fault := &gate.Error{Code: gate.CodeParams, Op: "opening requestState", Public: "requestState is not one that was given for this request, or has expired"}
	s, ok := text(m.Bytes(at))
	if !ok {
		return nil, fault
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(sealed) < p.sealer.NonceSize() {
		return nil, fault
	}
	n := p.sealer.NonceSize()
	plain, err := p.sealer.Open(nil, sealed[:n], sealed[n:], binding(ex))
	if err != nil || len(plain) < 8 {
		return nil, fault
	}
	if time.Now().Unix() > int64(binary.BigEndian.Uint64(plain)) { //nolint:gosec // sealed by us
		return nil, fault
	}
	return plain[8:], nil
}
