package listen

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxSealed bounds what makes an id, in bytes before base64.
const maxSealed = gate.MaxSessionID * 3 / 4

// sessionFormat is the first byte of what is sealed.
const sessionFormat = 1

// beginning is what a session's id says, sealed: which gateway made it and what the client
// began with, so that another gateway with the same key can go on with it.
type beginning struct {
	node         [8]byte   // of the process that made it
	ends         time.Time // in whole seconds; the session is over then, however busy
	whole        bool      // what follows is all there, and not left out for want of room
	version      string
	capabilities []byte
	clientInfo   []byte
}

// sessionSealer makes and reads ids of sessions. An id opens for the principal and the profile
// alone that it was made for. That is no proof of who somebody is: whoever brings one has signed
// in as that principal before it is looked at.
type sessionSealer struct {
	aead cipher.AEAD
	node [8]byte // of this process, at random
}

func newSessionSealer(key [32]byte) (sessionSealer, error) {
	if key == ([32]byte{}) {
		_, _ = rand.Read(key[:]) // never fails; nobody else's ids open then
	}
	var s sessionSealer
	block, err := aes.NewCipher(key[:])
	if err == nil {
		s.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		return s, fmt.Errorf("making the key of sessions: %w", err)
	}
	_, _ = rand.Read(s.node[:])
	return s, nil
}

// boundTo is whose an id is. The key says itself where it ends (gate.Principal.Key).
func boundTo(owner, profile string) []byte {
	return []byte(strconv.Itoa(len(owner)) + ":" + owner + profile)
}

// seal makes the id of a session, of at most gate.MaxSessionID bytes. What the client said of itself is
// left out where there is no room for it, and then what it can do; the latter keeps the session
// where it is.
func (s *sessionSealer) seal(owner string, gs *gate.Session, ends time.Time) (string, error) {
	if len(gs.Version) > 255 {
		return "", errors.New("sealing a session: its version has more than 255 bytes")
	}
	plain := make([]byte, 0, maxSealed)
	plain = append(plain, sessionFormat, 1)
	plain = append(plain, s.node[:]...)
	var once [16]byte // with the nonce more than 128 bits that nobody can guess
	_, _ = rand.Read(once[:])
	plain = append(plain, once[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(ends.Unix()))   //nolint:gosec // after 1970
	plain = append(append(plain, byte(len(gs.Version))), gs.Version...) //nolint:gosec // at most 255
	left := maxSealed - s.aead.Overhead() - len(plain) - 4
	capabilities, info := gs.Capabilities, gs.ClientInfo
	if len(capabilities)+len(info) > left {
		info = nil
	}
	if len(capabilities) > left {
		capabilities, plain[1] = nil, 0
	}
	for _, part := range [...][]byte{capabilities, info} {
		plain = binary.BigEndian.AppendUint16(plain, uint16(len(part))) //nolint:gosec // at most maxSealed
		plain = append(plain, part...)
	}
	sealed := s.aead.Seal(nil, nil, plain, boundTo(owner, gs.Profile)) //nolint:gosec // it makes the nonce itself, at random
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// open reads what seal made with the same key for the same owner and profile.
func (s *sessionSealer) open(id, owner, profile string) (beginning, bool) {
	if owner == "" || len(id) > gate.MaxSessionID || strings.ContainsAny(id, "\r\n") { // which the decoder skips
		return beginning{}, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return beginning{}, false
	}
	plain, err := s.aead.Open(nil, nil, sealed, boundTo(owner, profile))
	if err != nil {
		return beginning{}, false
	}
	return readBeginning(plain)
}

// readBeginning reverses what seal packs. Every byte must be accounted for.
func readBeginning(b []byte) (is beginning, ok bool) {
	const fixed = 2 + 8 + 16 + 8 + 1
	if len(b) < fixed || b[0] != sessionFormat || b[1] > 1 {
		return beginning{}, false
	}
	is.whole = b[1] == 1
	copy(is.node[:], b[2:])
	is.ends = time.Unix(int64(binary.BigEndian.Uint64(b[26:])), 0) //nolint:gosec // sealed by us
	n := int(b[34])
	if b = b[fixed:]; len(b) < n {
		return beginning{}, false
	}
	is.version, b = string(b[:n]), b[n:]
	for _, to := range [...]*[]byte{&is.capabilities, &is.clientInfo} {
		if len(b) < 2 {
			return beginning{}, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return beginning{}, false
		}
		*to, b = b[:n:n], b[n:]
	}
	r, known := mcp.RevisionOf(is.version)
	return is, len(b) == 0 && known && mcp.EraOf(r.Version) == gate.Stateful
}
