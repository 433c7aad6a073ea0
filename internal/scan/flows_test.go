package scan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/scan"
)

// The servers of the public-issue attack: an issue that anybody writes, a private
// file, and a pull request that anybody reads.
func TestFlowsThatServersMakePossible(t *testing.T) {
	github, err := scan.Saved(saved(t, `{"tools":[
		{"name":"list_issues","description":"List issues of a public repository.","inputSchema":{"type":"object"}},
		{"name":"create_pull_request","description":"Open a pull request.","inputSchema":{"type":"object"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	files, err := scan.Saved(saved(t, `{"tools":[{"name":"read_file","description":"Read a file from the disk.","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	github.Server, files.Server = "github", "files"
	var r scan.Report
	if err := r.Flow([]scan.Offer{github, files}); err != nil {
		t.Fatal(err)
	}
	if len(r.Flows) == 0 || r.Flows[0].Rule != "private, untrusted → leaves" || r.Flows[0].Then != "approve" {
		t.Fatalf("found %+v", r.Flows)
	}
	want := []string{"github/create_pull_request"}
	if diff := cmp.Diff(want, r.Flows[0].Sinks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var b strings.Builder
	if err := r.Text(&b); err != nil || !strings.Contains(b.String(), "files/read_file") {
		t.Errorf("%v: %s", err, b.String())
	}
	var alone scan.Report
	if err := alone.Flow([]scan.Offer{files}); err != nil || len(alone.Flows) != 0 {
		t.Errorf("one server that only reads: %+v, %v", alone.Flows, err)
	}
}
