package store

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// What the key of the seals of incidents is derived for, and that of a gateway's mark.
const (
	incidentSealing = "doorward incidents v1"
	incidentMarking = "doorward incidents mark v1"
	incidentNaming  = "doorward incidents names v1"
)

// incidentSeals seals incidents with AES-256-GCM, with the id as additional data:
// they name people and addresses, and who can write the home can neither make nor
// alter one. He can put back an older state of the whole.
type incidentSeals struct {
	cipher.AEAD
	mark  string  // of the key: gateways that have another are told so
	blind blinder // hashes who was erased
}

// sealedIncident is an incident as it is kept, and what it says.
type sealedIncident struct {
	sealed []byte
	says   *Incident
}

func newIncidentSeals(key [32]byte, use string) (incidentSeals, error) {
	if bytes.Count(key[:], key[:1]) >= len(key)/2 {
		return incidentSeals{}, fmt.Errorf("the key of incidents is not %d random bytes", len(key))
	}
	sealer, err := newSealer(key[:], use)
	if err != nil {
		return incidentSeals{}, err
	}
	blind, err := newBlinder(key[:], incidentNaming)
	if err != nil {
		return incidentSeals{}, err
	}
	mark, err := hkdf.Key(sha256.New, key[:], nil, incidentMarking, 16)
	return incidentSeals{AEAD: sealer, mark: hex.EncodeToString(mark), blind: blind}, err
}

func incidentOf(id string) []byte { return []byte("incident " + id) }

func (s incidentSeals) seal(i *Incident) ([]byte, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	if len(text) > maxIncidentSize {
		return nil, errFull
	}
	return s.Seal(nil, nil, text, incidentOf(i.ID)), nil //nolint:gosec // G407: the cipher makes a random nonce itself
}

func (s incidentSeals) open(id string, sealed []byte) (sealedIncident, error) {
	if len(sealed) > maxIncidentSize+sealOverhead {
		return sealedIncident{}, fmt.Errorf("incident %.64q is larger than %d bytes", id, maxIncidentSize)
	}
	text, err := s.Open(nil, nil, sealed, incidentOf(id))
	if err != nil {
		return sealedIncident{}, fmt.Errorf("incident %.64q does not open: it was altered, or sealed with another state.key", id)
	}
	var i Incident
	if err := json.Unmarshal(text, &i, json.RejectUnknownMembers(true)); err != nil {
		return sealedIncident{}, fmt.Errorf("incident %.64q: %w", id, err)
	}
	if i.ID != id {
		return sealedIncident{}, errors.New("an incident is that of another id")
	}
	if err := i.check(); err != nil {
		return sealedIncident{}, fmt.Errorf("incident %.64q: %w", id, err)
	}
	return sealedIncident{sealed: bytes.Clone(sealed), says: &i}, nil
}
