package cosignature_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/cosignature"
)

// witness signs by a computation of its own.
type witness struct {
	name    string
	private ed25519.PrivateKey
}

func newWitness(name string) witness {
	seed := sha256.Sum256([]byte(name))
	return witness{name, ed25519.NewKeyFromSeed(seed[:])}
}

func (w witness) material() []byte {
	return append([]byte{4}, w.private.Public().(ed25519.PublicKey)...)
}

func (w witness) id() []byte {
	sum := sha256.Sum256([]byte(w.name + "\n" + string(w.material())))
	return sum[:4]
}

func (w witness) key() string {
	return fmt.Sprintf("%s+%x+%s", w.name, w.id(), base64.StdEncoding.EncodeToString(w.material()))
}

func (w witness) line(at uint64) string { return w.sealed(at, at) }

// sealed is a line that may say another time than it signs.
func (w witness) sealed(at, says uint64) string {
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
	sig := binary.BigEndian.AppendUint64(w.id(), says)
	sig = append(sig, ed25519.Sign(w.private, []byte(message))...)
	return "\u2014 " + w.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

const text = "doorward/1\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

func TestACosignatureIsVerified(t *testing.T) {
	w, other := newWitness("witness.example.com/w1"), newWitness("witness.example.com/w2")
	key, err := cosignature.ParseKey(w.key())
	if err != nil {
		t.Fatal(err)
	}
	const at = 1_795_000_000
	for name, tc := range map[string]struct {
		note string
		good bool
	}{
		"its own":         {text + "\n" + w.line(at), true},
		"beside others":   {text + "\n" + other.line(at) + w.line(at), true},
		"another's":       {text + "\n" + other.line(at), false},
		"of another text": {strings.Replace(text, "12", "13", 1) + "\n" + w.line(at), false},
		"beyond 2^63-1":   {text + "\n" + w.line(1<<63), false},
		"of another time": {text + "\n" + w.sealed(at, at+1), false},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := note.Open([]byte(tc.note), note.VerifierList(key))
			if (err == nil) != tc.good {
				t.Fatalf("opened: %v", err)
			}
			if err == nil && !cosignature.Time(n.Sigs[0].Base64).Equal(time.Unix(at, 0)) {
				t.Errorf("made at %v", cosignature.Time(n.Sigs[0].Base64))
			}
		})
	}
	if (&cosignature.Key{}).Verify([]byte(text), make([]byte, 72)) {
		t.Error("the zero key verifies")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	w := newWitness("witness.example.com")
	good := w.key()
	material := base64.StdEncoding.EncodeToString(w.material())
	of := func(kind byte) string {
		other := append([]byte{kind}, w.material()[1:]...)
		sum := sha256.Sum256([]byte(w.name + "\n" + string(other)))
		return fmt.Sprintf("%s+%x+%s", w.name, sum[:4], base64.StdEncoding.EncodeToString(other))
	}
	for name, key := range map[string]string{
		"empty":            "",
		"no id":            "witness.example.com+" + material,
		"no name":          strings.TrimPrefix(good, "witness.example.com"),
		"a space":          strings.Replace(good, "example", "exa mple", 1),
		"another name":     strings.Replace(good, "example", "examples", 1),
		"cut":              good[:len(good)-4],
		"a key that signs": of(1),
		"of another kind":  of(6),
		"no base64":        strings.Replace(good, "+B", "+!", 1),
	} {
		if k, err := cosignature.ParseKey(key); err == nil {
			t.Errorf("%s: %q is taken for %v", name, key, k)
		}
	}
}

// A key that is taken is the one that was written, and no signature of anybody
// passes by it unless it verifies.
func FuzzParseKey(f *testing.F) {
	w := newWitness("witness.example.com")
	f.Add(w.key(), []byte(text))
	f.Add("w+00000000+BA==", []byte{})
	f.Fuzz(func(t *testing.T, key string, sig []byte) {
		k, err := cosignature.ParseKey(key)
		if err != nil {
			return
		}
		if !strings.HasPrefix(key, fmt.Sprintf("%s+%08x+", k.Name(), k.KeyHash())) {
			t.Errorf("%q is taken for %s", key, k.Name())
		}
		if k.Verify([]byte(text), sig) {
			t.Errorf("%x verifies", sig)
		}
	})
}
