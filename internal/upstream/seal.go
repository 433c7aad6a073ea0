package upstream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
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

// What a requestState of Doorward's stands for: the first byte of what is sealed
// after its expiry.
const (
	stateTheirs byte = 'u' // the upstream's own, which follows as a JSON token
	stateParked byte = 'p' // a parked call: its id and the ticket of the next try
	stateAgain  byte = 'a' // nothing: the call is to be made again
	stateHeld   byte = 'h' // the id of the approval that the call waits for
)

// binding is what a requestState is bound to: the principal, which has the
// tenant in it, the upstream, the method, the named thing and the digest of
// everything else that was asked. The parts are length-prefixed.
func binding(ex *gate.Exchange) []byte {
	name := ex.Call.Name
	if ex.Target.Item != nil {
		name = ex.Target.Item.Name
	}
	digest := mcp.ParamsDigest(ex.Call.Message)
	var b []byte
	for _, s := range [...]string{ex.Principal.Key(), ex.Target.Upstream, ex.Call.Message.Method, name, string(digest[:])} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by the message
		b = append(b, s...)
	}
	return b
}

// seal makes the text of a requestState that only this principal can bring back,
// with this request, within stateTTL.
func (p *Pool) seal(ex *gate.Exchange, kind byte, payload []byte) (string, error) {
	if ex.Principal == nil {
		return "", errors.New("sealing a requestState for nobody")
	}
	nonce := make([]byte, p.sealer.NonceSize(), p.sealer.NonceSize()+9+len(payload)+p.sealer.Overhead())
	_, _ = rand.Read(nonce) // does not fail (crypto/rand)
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(stateTTL).UnixMilli()))
	sealed := p.sealer.Seal(nonce, nonce, append(append(plain, kind), payload...), binding(ex))
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// sealState wraps the requestState of an upstream's result.
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
	sealed, err := p.seal(ex, stateTheirs, tok)
	if err != nil {
		return nil, err
	}
	return mcp.ParseUpstream(jsonrpc.Splice(m.Raw, jsonrpc.Edit{At: jsonrpc.Span(at), New: []byte(`"` + sealed + `"`)}))
}

// reopened is what a requestState that a client brings back stands for. The zero
// value is a request without one.
type reopened struct {
	token  []byte  // the upstream's own, as it gave it
	parked *parked // the call to go on with
	ours   bool    // it was Doorward's own, and the upstream sees nothing of it
}

// openState reads the requestState of a client's request. A ticket for a parked
// call is used up by it.
func (p *Pool) openState(ex *gate.Exchange) (reopened, error) {
	state := p.unseal(ex)
	switch {
	case !state.there:
		return reopened{}, nil
	case state.kind == stateTheirs:
		return reopened{token: state.payload}, nil
	case state.kind == stateAgain, state.kind == stateHeld:
		return reopened{ours: true}, nil
	case state.kind == stateParked:
		id := state.payload[:len(state.payload)/2]
		if k := p.parked.claim(string(id), string(state.payload[len(id):])); k != nil {
			return reopened{parked: k}, nil
		}
	}
	return reopened{}, &gate.Error{Code: gate.CodeParams, Op: "opening requestState", Public: "requestState is not one that was given for this request, or was used, or has expired: make the call again without it"}
}

// unsealed is a requestState that a client brings back. A kind of 0 is one that
// was not given for this request, or has expired.
type unsealed struct {
	there   bool // the request has one
	kind    byte
	payload []byte
	sealed  []byte    // the bytes that its text stands for
	made    time.Time // in whole milliseconds
}

// unseal opens the requestState of a client's request, and uses nothing up.
func (p *Pool) unseal(ex *gate.Exchange) unsealed {
	m := ex.Call.Message
	at, ok := m.Field("requestState")
	if !ok || ex.Call.Era != gate.Stateless {
		return unsealed{}
	}
	s, ok := text(m.Bytes(at))
	if !ok {
		return unsealed{there: true}
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(s)
	n := p.sealer.NonceSize()
	if err != nil || len(sealed) < n || strings.ContainsAny(s, "\r\n") { // which the decoder skips
		return unsealed{there: true}
	}
	plain, err := p.sealer.Open(nil, sealed[:n], sealed[n:], binding(ex))
	if err != nil || len(plain) < 9 {
		return unsealed{there: true}
	}
	expires := time.UnixMilli(int64(binary.BigEndian.Uint64(plain))) //nolint:gosec // sealed by us
	if time.Now().After(expires) {
		return unsealed{there: true}
	}
	return unsealed{true, plain[8], plain[9:], sealed, expires.Add(-stateTTL)}
}
