package store

import (
	"context"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// OpenSmallFileIncidents is OpenFileIncidents of a list that takes no more than so many
// bytes of what is opened.
func OpenSmallFileIncidents(dir string, key [32]byte, opening int) (*Incidents, error) {
	return openFileIncidents(dir, key, opening, nil, nil)
}

// AddPlainTaint keeps a taint as earlier versions did, under a hash without a key.
func AddPlainTaint(ctx context.Context, t *Taints, conversation string, one gate.Taint) error {
	k := keptTaint{id: plainTaintID(conversation, one.Label), until: one.Until.UnixMilli()}
	text, err := json.Marshal(taintRecord{Version: taintVersion, Label: one.Label, Upstream: one.Upstream, Name: one.Name, Exchange: one.Exchange, At: one.At})
	if err != nil {
		return err
	}
	k.sealed = string(t.sealer.Seal(nil, nil, text, k.about()))
	return t.home.put(ctx, []keptTaint{k})
}
