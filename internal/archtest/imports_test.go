package archtest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A layer says why a package sits where it does; failures quote it.
const (
	domain   = "the domain and the codec import nothing of ours"
	protocol = "mcp knows the domain and the codec"
	core     = "policy and pipeline know the domain, the codec and what is below them"
	judge    = "what judges one kind of argument knows nothing of ours but other judges"
	detector = "a detector looks at a text or a definition and knows nothing but the domain and other detectors"
	stage    = "a stage knows the domain and the protocol; never a stage, an adapter or config"
	adapter  = "an adapter knows the domain, the protocol and the codec; never a stage or another adapter"
	runtimes = "what runs commands by somebody else's program knows what a sandbox is, and nothing else of ours"
	way      = "the way out of a command knows which addresses are public, and nothing else of ours"
	library  = "what keeps documents knows the domain, documents and which addresses are public, and nothing else of ours"
	watching = "what watches the records knows the domain, and delivery its alerts; never a stage, an adapter or config"
	outside  = "the outside keeps to its row; what it needs besides, app hands it, and only cli, demo, drill and tests import app"
	harness  = "test code is imported by tests alone"
)

// A row is one line of the table in docs/explanation/architecture.md. Changing
// one takes a decision record in docs/adr.
type row struct {
	layer string
	may   []string // packages of ours that non-test files may import
}

var adapters = []string{"gate", "mcp", "jsonrpc"}

var table = map[string]row{
	"gate":    {domain, nil},
	"jsonrpc": {domain, nil},

	"mcp": {protocol, []string{"gate", "jsonrpc"}},

	"policy":           {core, []string{"gate", "jsonrpc", "policy/paths", "policy/places", "policy/words", "policy/statement", "policy/condition"}},
	"policy/paths":     {judge, nil},
	"policy/places":    {judge, nil},
	"policy/words":     {judge, []string{"policy/places"}},
	"policy/statement": {judge, nil},
	"policy/condition": {core, []string{"gate"}},
	"policy/cases":     {core, []string{"gate", "policy", "policy/condition"}},
	"policy/review":    {core, []string{"gate", "policy", "policy/condition"}},
	"policy/recorded":  {core, []string{"gate", "policy", "policy/condition"}},
	"policy/learning":  {core, []string{"gate", "policy", "policy/recorded", "policy/paths", "policy/places", "policy/words", "policy/statement"}},
	"policy/replay":    {core, []string{"policy", "policy/recorded"}},
	"policy/compare":   {core, []string{"gate", "policy"}},
	"pipeline":         {core, []string{"gate"}},

	"httpsig":   {domain, nil},
	"sight":     {domain, nil},
	"fetched":   {domain, nil},
	"kernelfs":  {domain, nil},
	"ignore":    {domain, nil},
	"queue":     {domain, nil},
	"ceiling":   {domain, nil},
	"durable":   {domain, nil},
	"supervise": {domain, nil},
	"sandbox":   {domain, []string{"supervise"}},
	"launch":    {domain, []string{"fetched"}},
	"argv":      {domain, []string{"policy/paths", "policy/words"}},
	"install":   {domain, nil},
	"npm":       {domain, []string{"durable", "install"}},
	"python":    {domain, []string{"fetched", "durable", "install"}},

	"sandbox/container": {runtimes, []string{"sandbox"}},

	"envelope": {domain, nil},

	"cosignature": {domain, nil},

	"leak":       {domain, nil},
	"retryafter": {domain, nil},
	"loopback":   {domain, nil},
	"dsn":        {domain, []string{"loopback", "durable"}},
	"egress":     {way, []string{"policy/places"}},

	"identify":  {stage, []string{"gate", "mcp", "httpsig"}},
	"decode":    {stage, []string{"gate", "mcp"}},
	"resolve":   {stage, []string{"gate", "mcp"}},
	"authorize": {stage, []string{"gate", "mcp", "policy", "policy/condition"}},
	"approve":   {stage, []string{"gate", "mcp"}},
	"limit":     {stage, []string{"gate"}},
	"validate":  {stage, []string{"gate", "mcp"}},
	"disclose":  {stage, []string{"gate", "mcp"}},

	"inspect/lexicon":    {detector, nil},
	"inspect/reveal":     {detector, []string{"gate", "sight"}},
	"inspect/poison":     {detector, []string{"gate", "inspect/lexicon", "inspect/reveal"}},
	"inspect/injection":  {detector, []string{"gate", "inspect/lexicon", "inspect/reveal"}},
	"inspect/parameter":  {detector, []string{"gate", "inspect/lexicon", "inspect/reveal"}},
	"inspect/shadow":     {detector, []string{"gate", "inspect/lexicon", "inspect/reveal"}},
	"inspect/secrets":    {detector, []string{"gate", "inspect/reveal"}},
	"inspect/personal":   {detector, []string{"gate", "inspect/reveal"}},
	"inspect/definition": {detector, []string{"gate", "inspect/reveal", "inspect/poison", "inspect/parameter", "inspect/shadow"}},
	"inspect/change":     {detector, []string{"gate", "inspect/lexicon", "inspect/reveal", "inspect/definition"}},
	"flow":               {core, []string{"gate"}},
	"inspect":            {stage, []string{"gate", "mcp", "inspect/reveal", "inspect/injection", "inspect/secrets", "inspect/personal"}},
	"redact":             {stage, []string{"gate", "mcp"}},
	"track":              {stage, []string{"gate", "mcp", "flow"}},

	"docs":          {library, []string{"gate"}},
	"docs/pgvector": {library, []string{"docs", "dsn"}},
	"docs/rest":     {library, []string{"loopback", "gate", "retryafter"}},
	"docs/sparse":   {library, []string{"docs"}},
	"docs/qdrant":   {library, []string{"docs", "docs/rest", "docs/sparse"}},
	"docs/pinecone": {library, []string{"loopback", "docs", "docs/rest", "docs/sparse"}},
	"docs/embedded": {library, []string{"docs"}},

	"docs/embed":            {library, []string{"docs", "docs/embed/lexical", "docs/embed/remote", "docs/embed/onnx"}},
	"docs/embed/onnx":       {library, []string{"docs", "docs/embed/onnx/graph"}},
	"docs/embed/onnx/graph": {library, nil},
	"docs/embed/lexical":    {library, []string{"docs"}},
	"docs/pdf":              {library, []string{"docs"}},
	"docs/chunk":            {library, []string{"docs", "docs/pdf", "sight"}},
	"docs/gather":           {library, []string{"docs", "policy/places", "retryafter", "kernelfs", "ignore"}},
	"docs/embed/remote":     {library, []string{"docs", "docs/rest", "gate", "loopback", "retryafter"}},
	"docs/ingest":           {library, []string{"docs", "docs/chunk", "docs/gather"}},
	"docs/evaluate":         {library, []string{"docs"}},

	"builtin":       {adapter, nil},
	"builtin/docs":  {adapter, []string{"docs", "gate"}},
	"builtin/files": {adapter, []string{"kernelfs", "ignore"}},
	"builtin/sql":   {adapter, []string{"builtin/sql/memory", "policy/statement", "dsn"}},

	"builtin/sql/memory": {adapter, nil},

	"builtin/commands": {adapter, []string{"argv"}},

	"listen":    {adapter, append([]string{"ceiling", "durable"}, adapters...)},
	"upstream":  {adapter, append([]string{"retryafter", "leak", "sandbox", "sandbox/container", "supervise", "launch", "python", "durable", "queue", "ceiling"}, adapters...)},
	"audit":     {adapter, append([]string{"durable", "envelope", "cosignature"}, adapters...)},
	"store":     {adapter, []string{"loopback", "gate", "mcp", "jsonrpc", "httpsig", "durable", "envelope", "dsn"}},
	"lock":      {adapter, append([]string{"durable"}, adapters...)},
	"telemetry": {adapter, append([]string{"collector"}, adapters...)},
	"secret":    {adapter, adapters},
	"issuer":    {adapter, append([]string{"loopback"}, adapters...)},

	"secret/vault":   {adapter, []string{"loopback"}},
	"secret/keyring": {adapter, nil},

	"webhook":   {adapter, []string{"loopback", "gate", "retryafter"}},
	"judge":     {adapter, []string{"loopback", "gate"}},
	"collector": {adapter, []string{"loopback", "gate", "webhook"}},
	"sink":      {adapter, []string{"loopback", "gate", "sink/form", "webhook", "collector", "durable", "dsn"}},
	"sink/form": {adapter, []string{"gate"}},
	"anchor":    {adapter, []string{"gate", "cosignature", "webhook", "durable"}},

	"monitor":          {watching, []string{"gate", "durable"}},
	"monitor/delivery": {watching, []string{"loopback", "gate", "monitor", "durable", "envelope"}},
	"monitor/figures":  {watching, []string{"gate", "monitor"}},

	"config":    {outside, []string{"loopback", "gate", "cosignature", "durable", "sandbox", "sandbox/container", "launch", "argv", "egress", "policy", "policy/paths", "policy/places", "policy/words", "policy/statement"}},
	"clients":   {outside, []string{"config", "launch"}},
	"doctor":    {outside, []string{"config"}},
	"load":      {outside, []string{"loopback"}},
	"checklist": {outside, []string{"loopback", "config", "gate", "policy", "fetched"}},
	"scan":      {outside, []string{"loopback", "gate", "mcp", "clients", "config", "fetched", "flow", "inspect/definition", "inspect/secrets"}},
	"login":     {outside, []string{"durable"}},
	"bridge":    {outside, []string{"jsonrpc", "mcp", "gate"}},
	"admin":     {outside, []string{"gate"}},
	"app": {outside, []string{
		"loopback",
		"gate", "jsonrpc", "mcp", "policy", "pipeline",
		"identify", "decode", "resolve", "authorize", "validate", "approve", "disclose", "inspect", "inspect/definition", "inspect/change", "inspect/secrets", "redact", "track", "limit", "flow", "sandbox", "egress", "npm", "python", "leak",
		"listen", "upstream", "ceiling", "builtin", "builtin/docs", "builtin/files", "builtin/sql", "builtin/commands", "argv", "docs", "docs/chunk", "docs/embed", "docs/embed/remote", "docs/embedded", "docs/pgvector", "docs/qdrant", "docs/pinecone", "docs/gather", "docs/ingest", "dsn", "audit", "store", "durable", "lock", "telemetry", "collector", "secret", "secret/vault", "secret/keyring", "issuer", "webhook", "judge", "sink", "anchor", "cosignature", "monitor", "monitor/delivery", "monitor/figures",
		"index", "config", "admin",
	}},
	"mapping":  {outside, nil},
	"index":    {outside, []string{"audit"}},
	"evidence": {outside, []string{"gate", "admin", "audit", "monitor", "monitor/figures", "durable"}},
	"demo":     {outside, []string{"app", "admin", "audit", "config", "gate"}},
	"drill":    {outside, []string{"app", "admin", "audit", "config", "demo", "evidence", "monitor/figures"}},
	"cli": {outside, []string{
		"loopback",
		"gate", "sandbox", "sandbox/container", "app", "admin", "config", "policy", "audit", "index", "lock", "clients", "doctor", "load", "checklist", "demo", "httpsig", "secret", "login", "bridge", "scan", "sink/form", "cosignature", "durable", "monitor/figures", "evidence", "mapping", "drill", "docs", "docs/gather", "docs/ingest", "docs/evaluate",
		"policy/cases", "policy/review", "policy/recorded", "policy/learning", "policy/replay", "policy/compare",
	}},

	"cmd/doorward":            {outside, []string{"cli", "cmd/doorward/supervisor", "cmd/doorward/process1"}},
	"cmd/doorward/supervisor": {outside, []string{"supervise"}},
	"cmd/doorward/process1":   {outside, []string{"sandbox"}},

	"gatetest":                   {harness, []string{"app", "admin", "audit", "config", "gate", "jsonrpc", "mcp"}},
	"store/storetest":            {harness, []string{"gate", "store"}},
	"anchor/witnesstest":         {harness, nil},
	"secret/keyring/keyringtest": {harness, nil},
	"docs/docstest":              {harness, []string{"docs"}},
	"builtin/sql/sqltest":        {harness, nil},
	"dsn/dsntest":                {harness, nil},
	"docs/embed/onnx/onnxtest":   {harness, nil},
	"sandbox/lacking":            {harness, nil},
	"cputime":                    {harness, nil},
	"bench":                      {harness, nil},
	"systems":                    {harness, nil},
	"detect":                     {harness, []string{"gate", "flow", "inspect/reveal", "inspect/definition", "inspect/change", "inspect/injection", "inspect/secrets", "inspect/personal"}},
	"parts":                      {harness, nil},
	"stress":                     {harness, nil},
	"archtest":                   {harness, nil},
}

func TestEveryPackageHasARow(t *testing.T) {
	for _, p := range packages(t) {
		if _, ok := table[p.name]; !ok {
			t.Errorf("package %s has no row in the import table: add one, here, in docs/explanation/architecture.md and with a decision record in docs/adr", p.name)
		}
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	for _, p := range packages(t) {
		r, ok := table[p.name]
		if !ok {
			continue // reported above
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, imported := range f.ours() {
				if imported != p.name && !slices.Contains(r.may, imported) {
					t.Errorf("%s imports %s: %s; it may import [%s]", f.path, imported, r.layer, strings.Join(r.may, " "))
				}
			}
		}
	}
}

// Tests may reach for anything but the packages above the one they test, or the
// layers would only hold on paper. The harness is free for all.
func TestTestsStayBelow(t *testing.T) {
	above := []string{"cli", "cmd/doorward", "bench", "archtest"}
	for _, p := range packages(t) {
		for _, f := range p.files {
			if !f.test {
				continue
			}
			for _, imported := range f.ours() {
				if imported != p.name && slices.Contains(above, imported) && p.name != "cmd/doorward" {
					t.Errorf("%s imports %s: a test must not import a package above its own", f.path, imported)
				}
			}
		}
	}
}

// The table itself must have no cycle, or it would allow what Go does not.
func TestTableHasNoCycle(t *testing.T) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		switch state[name] {
		case done:
			return
		case visiting:
			t.Fatalf("the table has a cycle: %s", strings.Join(append(path, name), " → "))
		}
		state[name] = visiting
		for _, next := range table[name].may {
			if _, ok := table[next]; !ok {
				t.Errorf("the row of %s names %s, which has no row", name, next)
			}
			visit(next, append(path, name))
		}
		state[name] = done
	}
	for name := range table {
		visit(name, nil)
	}
}

// The page that explains the table must say the same.
func TestDocumentedTableIsThisOne(t *testing.T) {
	page, err := os.ReadFile("../../docs/explanation/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for line := range strings.SplitSeq(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) == 5 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			documented[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[3])
		}
	}
	for name, r := range table {
		want := strings.Join(r.may, ", ")
		if want == "" {
			want = "nothing"
		}
		if got := documented[name]; got != want {
			t.Errorf("architecture.md says that %s may import %q, the table here says %q", name, got, want)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("architecture.md has a row for %s, the table here has none", name)
	}
}
