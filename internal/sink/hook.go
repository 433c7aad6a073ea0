package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/sink/form"
	"doorward/internal/webhook"
)

// hookReceiver sends batches as notices that are signed as Standard Webhooks has it.
type hookReceiver struct{ target *webhook.Target }

// NewWebhook makes a receiver of batches of a webhook's target.
func NewWebhook(target *webhook.Target) Receiver { return &hookReceiver{target} }

// delivery is a batch as a notice.
type delivery struct {
	Type      string     `json:"type"`
	ID        string     `json:"id"`
	Timestamp time.Time  `json:"timestamp"`
	Data      recordList `json:"data"`
}

type recordList struct {
	Origin  string           `json:"origin"`
	Records []jsontext.Value `json:"records"` // lines of the log
}

// Deliver posts the batch. The same batch has the same id.
func (h *hookReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	list := recordList{Origin: batch[0].Origin}
	for i := range batch {
		list.Records = append(list.Records, jsontext.Value(batch[i].Line))
	}
	first, last := &batch[0], &batch[len(batch)-1]
	sum := sha256.Sum256([]byte(first.Origin + first.Digest() + last.Digest()))
	id := "msg_" + hex.EncodeToString(sum[:16])
	body, err := json.Marshal(delivery{Type: "audit.records", ID: id, Timestamp: time.Now().UTC(), Data: list})
	if err != nil {
		return fmt.Errorf("writing a batch: %w", err)
	}
	return h.target.Post(ctx, id, body)
}

// Close implements Receiver; a target keeps no connection.
func (h *hookReceiver) Close() error { return nil }
