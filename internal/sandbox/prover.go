package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxProofs bounds the plans whose proofs are remembered; after so many, all are made anew.
const maxProofs = 4096

// Prover remembers the plans that a probe has proven, for as long as this process lives:
// the kernel and this program are the same ones then. Nothing is kept on disk: settings
// of the kernel and of what Doorward itself runs in make as much of a difference as what
// a file could name. The zero value has proven nothing.
type Prover struct {
	mu     sync.Mutex
	proven map[[32]byte]*proving
}

// Missing are those of some layers that this system lacks.
func Missing(layers []string) []string {
	return slices.DeleteFunc(slices.Clone(layers), func(l string) bool { return Lacks(l) == nil })
}

// proving is one plan's proof while it is made, and after.
type proving struct {
	turn chan struct{} // of capacity 1: whoever has put something in makes the proof
	done bool          // guarded by turn
}

// Prove has prove show, once, that what p promises holds by a probe's word. A plan for which
// that fails is proven anew by the next: so is one whose proof could not be put on record.
func (v *Prover) Prove(ctx context.Context, p *Plan, env []string, prove func(probed Plan) error) error {
	probed := *p
	probed.Same = nil // process 1 compares them at each start
	key, err := keyOf(&probed, env)
	if err != nil {
		return err
	}
	of := v.of(key)
	select {
	case of.turn <- struct{}{}:
		defer func() { <-of.turn }()
	case <-ctx.Done():
		return fmt.Errorf("proving the sandbox: %w", context.Cause(ctx))
	}
	if of.done {
		return nil
	}
	err = prove(probed)
	of.done = err == nil
	return err
}

func (v *Prover) of(key [32]byte) *proving {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.proven[key]
	if of == nil {
		if v.proven == nil || len(v.proven) >= maxProofs {
			v.proven = map[[32]byte]*proving{}
		}
		of = &proving{turn: make(chan struct{}, 1)}
		v.proven[key] = of
	}
	return of
}

// keyOf is what makes a plan another one.
func keyOf(p *Plan, env []string) (key [32]byte, err error) {
	raw, err := json.Marshal(struct {
		Plan *Plan
		Env  []string
	}{p, slices.Sorted(slices.Values(names(env)))})
	if err != nil {
		return key, fmt.Errorf("describing the plan: %w", err)
	}
	return sha256.Sum256(raw), nil
}

// names are those of variables.
func names(env []string) (all []string) {
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		all = append(all, name)
	}
	return all
}
