package app

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"doorward/internal/config"
	"doorward/internal/docs/embed"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/docs/gather"
	"doorward/internal/gate"
)

// ModelOptions say which files of a model are downloaded, and for whom.
type ModelOptions struct {
	Config           *config.Config
	Upstream         string // may be empty where there is one builtin docs
	Model, Tokenizer ModelFile
	Pooling          ModelFile // 1_Pooling/config.json; zero: none
	// Progress is told how many bytes of a file there are, of how many; below 0: nobody knows.
	Progress func(url string, done, all int64)
}

// ModelFile is where a file is, and what it must be.
type ModelFile struct{ URL, Digest string }

// FetchModel downloads the files of an upstream's model of kind onnx to its directory, those
// that are not there yet, and tells where that is and whether anything came. The command line
// calls it; the gateway downloads nothing.
func FetchModel(ctx context.Context, o ModelOptions) (directory string, fetched bool, err error) {
	name, err := docsUpstream(o.Config, o.Upstream)
	if err != nil {
		return "", false, err
	}
	e := docsOf(o.Config, name).Embedder
	if e.Kind != config.EmbedderONNX {
		return "", false, fmt.Errorf("upstreams.%s.embedder is of kind %s: a model's files are for kind onnx alone", name, e.Kind)
	}
	files, err := o.files()
	if err != nil {
		return "", false, err
	}
	if want, err := gate.ParseDigest(e.Digest); err == nil && want.String() != files.Model.Digest {
		return "", false, fmt.Errorf("upstreams.%s.embedder.digest is %s, and the model that was asked for has another: %s", name, want, files.Model.Digest)
	}
	if err := os.MkdirAll(e.Directory, 0o700); err != nil {
		return "", false, err
	}
	fetched, err = embed.Fetch(ctx, e.Directory, files)
	return e.Directory, fetched, err
}

// files are those that are downloaded.
func (o *ModelOptions) files() (files embed.Files, err error) {
	if files.Model, err = o.file(o.Model); err != nil {
		return files, err
	}
	if files.Words, err = o.file(o.Tokenizer); err != nil {
		return files, err
	}
	if o.Pooling != (ModelFile{}) {
		pooling, err := o.file(o.Pooling)
		files.Pooling = &pooling
		return files, err
	}
	return files, nil
}

// file is one as it is downloaded: over https from public addresses, also where its server
// sends elsewhere, or over http from this machine.
func (o *ModelOptions) file(f ModelFile) (remote.File, error) {
	digest, err := gate.ParseDigest(f.Digest)
	if err != nil {
		return remote.File{}, err
	}
	place, err := at(f.URL, "")
	if err != nil {
		return remote.File{}, err
	}
	if u, err := url.Parse(f.URL); err != nil || u.Scheme != "http" {
		if place.Dial, err = gather.Public(); err != nil {
			return remote.File{}, err
		}
	}
	file := remote.File{Place: place, Digest: digest.String()}
	if o.Progress != nil {
		file.Progress = func(done, all int64) { o.Progress(f.URL, done, all) }
	}
	return file, nil
}
