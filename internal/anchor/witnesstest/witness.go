// Package witnesstest is a witness of transparency logs as C2SP tlog-witness has it,
// for tests: it verifies every proof, remembers what it has cosigned in memory, and
// never cosigns two histories of one log.
package witnesstest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness is an http.Handler. Its owner names the logs that it knows.
type Witness struct {
	name    string
	private ed25519.PrivateKey

	mu   sync.Mutex // guards the rest
	logs map[string]*known
	down bool
	asks int
	away time.Duration
}

// known is a log, its keys, and what was cosigned of it.
type known struct {
	keys note.Verifiers
	size int64
	root tlog.Hash
}

// New makes a witness whose key comes from its name.
func New(name string) *Witness {
	seed := sha256.Sum256([]byte(name))
	return &Witness{name: name, private: ed25519.NewKeyFromSeed(seed[:]), logs: map[string]*known{}}
}

// Away puts the witness's clock away from ours.
func (w *Witness) Away(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = by
}

// Knows makes the witness take on a log, with the public key that signs its
// checkpoints, or another key of a log that it has taken on.
func (w *Witness) Knows(origin, public string) error {
	key, err := note.NewVerifier(public)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.logs[origin] == nil {
		w.logs[origin] = &known{}
	}
	w.logs[origin].keys = note.VerifierList(key)
	return nil
}

// Down makes the witness answer with 503, or no longer.
func (w *Witness) Down(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// Asked is how many requests it had.
func (w *Witness) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asks
}

// Seen is how many records it has cosigned of a log.
func (w *Witness) Seen(origin string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.logs[origin]; l != nil {
		return l.size
	}
	return 0
}

// Key is its public key, as verifiers get it.
func (w *Witness) Key() string {
	return fmt.Sprintf("%s+%x+%s", w.name, w.id(), base64.StdEncoding.EncodeToString(w.material()))
}

func (w *Witness) material() []byte {
	public, _ := w.private.Public().(ed25519.PublicKey)
	return append([]byte{0x04}, public...)
}

func (w *Witness) id() []byte {
	sum := sha256.Sum256(append([]byte(w.name+"\n"), w.material()...))
	return sum[:4]
}

// maxRequest is far more than 63 hashes and a checkpoint need.
const maxRequest = 64 << 10

// ServeHTTP implements http.Handler: add-checkpoint alone.
func (w *Witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asks++
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	switch {
	case w.down:
		out.WriteHeader(http.StatusServiceUnavailable)
	case r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint":
		out.WriteHeader(http.StatusMethodNotAllowed)
	case err != nil:
		out.WriteHeader(http.StatusBadRequest)
	default:
		status, answer := w.add(string(body))
		if status == http.StatusConflict {
			out.Header().Set("Content-Type", "text/x.tlog.size")
		}
		out.WriteHeader(status)
		_, _ = io.WriteString(out, answer) // the client is gone
	}
}

// request is the body of add-checkpoint.
type request struct {
	old    int64
	proof  tlog.TreeProof
	note   string
	origin string
	size   int64
	root   tlog.Hash
}

func parse(body string) (q request, ok bool) {
	head, text, found := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(size, 10, 64)
	if !found || !isOld || err != nil || old < 0 || strconv.FormatInt(old, 10) != size || len(lines) > 64 {
		return q, false
	}
	q.old, q.note = old, text
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return q, false
		}
		q.proof = append(q.proof, hash)
	}
	checkpoint := strings.SplitN(text, "\n", 4)
	if len(checkpoint) != 4 || checkpoint[0] == "" {
		return q, false
	}
	q.origin = checkpoint[0]
	if q.size, err = strconv.ParseInt(checkpoint[1], 10, 64); err != nil || q.size < 0 {
		return q, false
	}
	q.root, err = tlog.ParseHash(checkpoint[2])
	return q, err == nil
}

// add judges a request in the order of the protocol.
func (w *Witness) add(body string) (status int, answer string) {
	q, ok := parse(body)
	if !ok {
		return http.StatusBadRequest, ""
	}
	log := w.logs[q.origin]
	if log == nil {
		return http.StatusNotFound, ""
	}
	n, err := note.Open([]byte(q.note), log.keys)
	switch {
	case err != nil:
		return http.StatusForbidden, ""
	case q.old > q.size:
		return http.StatusBadRequest, ""
	case q.old != log.size:
		return http.StatusConflict, strconv.FormatInt(log.size, 10) + "\n"
	case q.old == q.size && q.old > 0 && q.root != log.root:
		return http.StatusConflict, strconv.FormatInt(log.size, 10) + "\n"
	case q.old == 0 || q.old == q.size:
		if len(q.proof) > 0 {
			return http.StatusUnprocessableEntity, ""
		}
	case tlog.CheckTree(q.proof, q.size, q.root, q.old, log.root) != nil:
		return http.StatusUnprocessableEntity, ""
	}
	log.size, log.root = q.size, q.root
	return http.StatusOK, w.cosign(n.Text)
}

func (w *Witness) cosign(text string) string {
	now := time.Now().Add(w.away).Unix()
	signed := ed25519.Sign(w.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", now, text))
	sig := append(binary.BigEndian.AppendUint64(w.id(), uint64(now)), signed...) //nolint:gosec // this is no time before 1970
	return "\u2014 " + w.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}
