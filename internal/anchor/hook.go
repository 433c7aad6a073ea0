package anchor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/webhook"
)

// hook posts checkpoints as notices that are signed as Standard Webhooks has it.
type hook struct{ target *webhook.Target }

// NewHTTP makes a place of a webhook's target.
func NewHTTP(target *webhook.Target) Place { return &hook{target} }

// notice is a checkpoint as it is sent.
type notice struct {
	Type      string    `json:"type"`
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	Data      told      `json:"data"`
}

type told struct {
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`
	Root       string `json:"root"`
	Checkpoint string `json:"checkpoint"` // the note, with every signature
}

// Take implements Place. The same note has the same id.
func (h *hook) Take(ctx context.Context, c Checkpoint) error {
	sum := sha256.Sum256([]byte(c.Note))
	id := "msg_" + hex.EncodeToString(sum[:16])
	body, err := json.Marshal(notice{
		Type: "audit.checkpoint", ID: id, Timestamp: time.Now().UTC(),
		Data: told{Origin: c.Origin, Size: c.Size, Root: c.Root, Checkpoint: c.Note},
	})
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return h.target.Post(ctx, id, body)
}

// Last implements Place: a receiver does not tell.
func (h *hook) Last(context.Context, string) (string, error) { return "", nil }
