package store

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"time"
)

// blinding is what the key of forgotten names is derived for.
const blinding = "doorward revoked names v1"

// blinder hashes names that are looked up and must not be read (HMAC-SHA256).
type blinder struct{ key []byte }

// newBlinder derives the key for a use from a secret of the gateway.
func newBlinder(secret []byte, use string) (blinder, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, use, sha256.Size)
	return blinder{key}, err
}

// hash is the HMAC of some texts, each with its length before it, in hex.
func (b blinder) hash(texts ...string) string {
	mac := hmac.New(sha256.New, b.key)
	for _, text := range texts {
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		_, _ = io.WriteString(mac, text)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// isHash tells what can be such a hash.
func isHash(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size && len(text) == hex.EncodedLen(len(b))
}

// name is what a subject without its name is looked up by.
func (b blinder) name(realm, subject string) revokedName {
	return revokedName{RevokedErased, realm, b.hash(realm, subject)}
}

// erased is the revocation of a subject without the name.
func (b blinder) erased(r *Revocation) *Revocation {
	next := *r
	next.Kind, next.Value = RevokedErased, b.name(r.Realm, r.Value).value
	return &next
}

// is tells whether two lists are the same one.
func (l revokedList) is(other revokedList) bool {
	return reflect.ValueOf(l).Pointer() == reflect.ValueOf(other).Pointer()
}

// nameless tells whether a subject without a name is in the list.
func (l revokedList) nameless() bool {
	for n := range l {
		if n.kind == RevokedErased {
			return true
		}
	}
	return false
}

// Forget takes the name of a subject out of the list and leaves a keyed hash of it: they
// stay revoked, and nobody can read who they are. An empty realm means all. n is how
// many revocations had the name. Gateways of a version that does not know such an entry
// refuse everybody.
func (r *Revocations) Forget(ctx context.Context, realm, subject string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	r.look.Lock()
	defer r.look.Unlock()
	if err := r.readAgain(ctx); err != nil {
		return 0, fmt.Errorf("forgetting a name: %w", err)
	}
	for _, one := range r.current.Load().list.live(time.Now()) {
		if one.Kind != RevokedSubject || one.Value != subject || realm != "" && one.Realm != realm {
			continue
		}
		if err := r.from.replace(ctx, &one, r.blind.erased(&one)); err != nil {
			return n, fmt.Errorf("forgetting a name: %w", err)
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, r.readAgain(ctx)
}
