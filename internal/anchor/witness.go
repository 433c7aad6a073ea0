package anchor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/cosignature"
	"doorward/internal/webhook"
)

const (
	patience  = 10 * time.Second // of one request
	maxAnswer = 64 << 10         // bytes of an answer that are read
	maxAsks   = 3                // requests for one cosignature: the witness may have another size in mind
)

// WitnessConfig is a witness. URL and Key are required.
type WitnessConfig struct {
	URL   string // its submission prefix: https, or http on loopback
	Key   *cosignature.Key
	Roots *x509.CertPool // nil: the system's
}

// Witness asks for cosignatures as C2SP tlog-witness has it. One goroutine at a time
// uses it.
type Witness struct {
	url    string
	key    *cosignature.Key
	client *http.Client
	seen   uint64 // records that it has seen, as far as we know
}

// NewWitness makes one. No error repeats the URL.
func NewWitness(c WitnessConfig) (*Witness, error) {
	if c.Key == nil {
		return nil, errors.New("anchor: the witness's key is required")
	}
	client, u, err := webhook.NewClient(c.URL, c.Roots)
	if err == nil && u.RawQuery != "" {
		err = errors.New("the URL must have no query")
	}
	if err != nil {
		return nil, fmt.Errorf("anchor: %w", err)
	}
	return &Witness{url: strings.TrimSuffix(c.URL, "/") + "/add-checkpoint", key: c.Key, client: client}, nil
}

// Name is that of its key.
func (w *Witness) Name() string { return w.key.Name() }

// cosign asks for a cosignature of a checkpoint: lines of a note. A *Misfit says that
// it has seen another log.
func (w *Witness) cosign(ctx context.Context, log Log, c *Checkpoint) (string, error) {
	for range maxAsks {
		from := w.seen
		proof, err := log.Consistency(ctx, from, *c)
		if err != nil {
			return "", err
		}
		status, answer, err := w.ask(ctx, from, proof, c)
		switch {
		case err != nil:
			return "", err
		case status == http.StatusOK:
			lines, err := w.cosigned(c, answer)
			if err == nil {
				w.seen = c.Size
			}
			return lines, err
		case status == http.StatusUnprocessableEntity && len(proof) > 0: // which holds: it was checked
			return "", &Misfit{Who: w.Name(), Seen: from, Have: c.Size}
		case status != http.StatusConflict:
			return "", errors.New("the witness does not take a proof that there is none of")
		}
		if err := w.conflict(c, from, answer); err != nil {
			return "", err
		}
	}
	return "", errors.New("the witness names another size each time: somebody else submits checkpoints of this log to it")
}

// conflict learns from the answer that what we think it has seen is not so.
func (w *Witness) conflict(c *Checkpoint, from uint64, answer string) error {
	seen, err := strconv.ParseUint(strings.TrimSuffix(answer, "\n"), 10, 63)
	switch {
	case from == c.Size && (err != nil || seen == from): // the roots differ, says the protocol
		return &Misfit{Who: w.Name(), Seen: from, Have: c.Size}
	case err != nil:
		return errors.New("the witness answered with a conflict, and without a size")
	case seen > c.Size:
		return &Misfit{Who: w.Name(), Seen: seen, Have: c.Size}
	case seen == from:
		return errors.New("the witness answered with a conflict, and with the size that it was sent")
	}
	w.seen = seen
	return nil
}

// ask posts to add-checkpoint. Statuses that say nothing of the log are errors.
func (w *Witness) ask(ctx context.Context, from uint64, proof []string, c *Checkpoint) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", from)
	for _, hash := range proof {
		body.WriteString(hash + "\n")
	}
	body.WriteString("\n" + c.Note)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, &body)
	if err != nil {
		return 0, "", errors.New("the URL cannot be asked")
	}
	req.Header.Set("User-Agent", "doorward")
	res, err := w.client.Do(req)
	if err != nil {
		return 0, "", webhook.Plainly(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, "", webhook.Plainly(err)
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusConflict, http.StatusUnprocessableEntity:
		return res.StatusCode, string(answer), nil
	case http.StatusNotFound:
		return 0, "", fmt.Errorf("the witness does not know this log: have it take on %s", c.Origin)
	case http.StatusForbidden:
		return 0, "", errors.New("the witness does not know the key that signs this log's checkpoints: have it take that on")
	}
	return 0, "", webhook.Answer(res)
}

// clockAway is how far the clock of a witness may be from this one.
const clockAway = time.Hour

// cosigned takes the witness's own lines out of its answer.
func (w *Witness) cosigned(c *Checkpoint, answer string) (string, error) {
	n, err := note.Open([]byte(c.text()+"\n"+answer), note.VerifierList(w.key))
	if err != nil {
		return "", errors.New("the witness answered without a cosignature of its key")
	}
	var lines strings.Builder
	for _, s := range n.Sigs {
		if at := cosignature.Time(s.Base64); time.Since(at).Abs() > clockAway {
			return "", fmt.Errorf("the witness says that it cosigned at %s: its clock is wrong, or this one", at.Format(time.RFC3339))
		}
		lines.WriteString("\u2014 " + s.Name + " " + s.Base64 + "\n")
	}
	return lines.String(), nil
}
