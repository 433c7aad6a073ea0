package ingest

import (
	"context"

	"doorward/internal/docs"
)

// Patiently has texts embedded as an ingestion has.
func Patiently(ctx context.Context, e docs.Embedder, texts []string) ([][]float32, error) {
	p := patience{embedder: e}
	return p.embed(ctx, texts)
}
