package chart_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	apps "k8s.io/api/apps/v1"
	scaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"doorward/tools/chart"
)

var update = flag.Bool("update", false, "write the rendered configurations anew")

const at = "../../deploy/helm/doorward"

// set is what a chart renders to, decoded strictly as the API server decodes it: a field
// that a kind does not have, or written twice, is a fault.
type set struct {
	config   core.ConfigMap
	gateways apps.StatefulSet
	service  core.Service
	each     core.Service
	account  core.ServiceAccount
	budget   disruption.PodDisruptionBudget
	scaler   *scaling.HorizontalPodAutoscaler
	policy   *network.NetworkPolicy
	ingress  *network.Ingress
	monitor  *serviceMonitor
}

// serviceMonitor is what the chart uses of the Prometheus operator's kind
// (monitoring.coreos.com/v1).
type serviceMonitor struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  meta.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// place is where an object of a kind and a name goes; nil: nothing of the chart's is that.
func (s *set) place(kind meta.TypeMeta, name string) any {
	switch kind.APIVersion + " " + kind.Kind {
	case "v1 ConfigMap":
		return &s.config
	case "apps/v1 StatefulSet":
		return &s.gateways
	case "v1 Service":
		if strings.HasSuffix(name, "-each") {
			return &s.each
		}
		return &s.service
	case "v1 ServiceAccount":
		return &s.account
	case "policy/v1 PodDisruptionBudget":
		return &s.budget
	case "autoscaling/v2 HorizontalPodAutoscaler":
		s.scaler = new(scaling.HorizontalPodAutoscaler)
		return s.scaler
	case "networking.k8s.io/v1 NetworkPolicy":
		s.policy = new(network.NetworkPolicy)
		return s.policy
	case "networking.k8s.io/v1 Ingress":
		s.ingress = new(network.Ingress)
		return s.ingress
	case "monitoring.coreos.com/v1 ServiceMonitor":
		s.monitor = new(serviceMonitor)
		return s.monitor
	}
	return nil
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := chart.Load(at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// schema is values.schema.json, which Helm holds values to.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(at, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// render renders the chart with the values of a file, and checks them.
func render(t *testing.T, file []byte) *set {
	t.Helper()
	c := load(t)
	values, err := c.With(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(values); err != nil {
		t.Fatal(err)
	}
	files, err := c.Render("edge", values)
	if err != nil {
		t.Fatal(err)
	}
	s := new(set)
	for name, text := range files {
		if name == "NOTES.txt" {
			if !strings.Contains(text, "edge-doorward") {
				t.Errorf("the notes are %q", text)
			}
			continue
		}
		for _, doc := range strings.Split("\n"+text, "\n---\n") {
			if strings.TrimSpace(doc) != "" {
				s.add(t, name, doc)
			}
		}
	}
	return s
}

func (s *set) add(t *testing.T, name, doc string) {
	t.Helper()
	var head struct {
		meta.TypeMeta `json:",inline"`
		Metadata      meta.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, doc)
	}
	into := s.place(head.TypeMeta, head.Metadata.Name)
	if into == nil {
		t.Fatalf("%s has a %s %s", name, head.APIVersion, head.Kind)
	}
	if err := yaml.UnmarshalStrict([]byte(doc), into); err != nil {
		t.Errorf("%s: %s: %v\n%s", name, head.Kind, err, doc)
	}
	if head.Metadata.Labels["app.kubernetes.io/instance"] != "edge" || !strings.HasPrefix(head.Metadata.Name, "edge-doorward") {
		t.Errorf("%s: %s is called %s and has the labels %v", name, head.Kind, head.Metadata.Name, head.Metadata.Labels)
	}
}

// TestChart renders the chart with each file of values, and holds every object to its kind
// and to the others. What doorward.yaml becomes lies beside the values; internal/config
// loads it.
func TestChart(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := render(t, text)
			s.agrees(t)
			s.isClosed(t)
			s.hasNoSecret(t)
			golden(t, strings.TrimSuffix(path, ".values.yaml")+".doorward.yaml", s.config.Data["doorward.yaml"])
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is stale (%v): run go test -update\n%s", path, err, got)
	}
}

// agrees holds what objects say of each other to what is there.
func (s *set) agrees(t *testing.T) {
	t.Helper()
	pod := s.gateways.Spec.Template
	selectors := map[string]map[string]string{
		"the gateways": s.gateways.Spec.Selector.MatchLabels, "the service": s.service.Spec.Selector,
		"each": s.each.Spec.Selector, "the budget": s.budget.Spec.Selector.MatchLabels,
	}
	for _, spread := range pod.Spec.TopologySpreadConstraints {
		selectors["the spread over "+spread.TopologyKey] = spread.LabelSelector.MatchLabels
	}
	if s.policy != nil {
		selectors["the policy"] = s.policy.Spec.PodSelector.MatchLabels
	}
	for who, selector := range selectors {
		if len(selector) != 2 || !within(selector, pod.Labels) {
			t.Errorf("%s select %v, and the pods have %v", who, selector, pod.Labels)
		}
	}
	if s.gateways.Spec.ServiceName != s.each.Name || pod.Spec.ServiceAccountName != s.account.Name {
		t.Errorf("service %s, account %s", s.gateways.Spec.ServiceName, pod.Spec.ServiceAccountName)
	}
	if s.scaler != nil && (s.scaler.Spec.ScaleTargetRef.Name != s.gateways.Name || s.gateways.Spec.Replicas != nil) {
		t.Errorf("the scaler is for %s, and there are %v replicas anyway", s.scaler.Spec.ScaleTargetRef.Name, s.gateways.Spec.Replicas)
	}
	if s.monitor != nil && !within(s.monitor.Spec.Selector.MatchLabels, s.each.Labels) {
		t.Errorf("the monitor selects %v, and the service has %v", s.monitor.Spec.Selector, s.each.Labels)
	}
	s.portsAgree(t)
	s.volumesAgree(t)
}

func within(some, all map[string]string) bool {
	for key, value := range some {
		if all[key] != value {
			return false
		}
	}
	return true
}

func (s *set) portsAgree(t *testing.T) {
	t.Helper()
	ports := map[string]int32{}
	for _, c := range s.gateways.Spec.Template.Spec.Containers {
		for _, p := range c.Ports {
			ports[p.Name] = p.ContainerPort
		}
	}
	named := map[string]bool{}
	for _, svc := range []*core.Service{&s.service, &s.each} {
		for _, p := range svc.Spec.Ports {
			if named[p.Name] = true; ports[p.TargetPort.String()] == 0 {
				t.Errorf("service %s leads to port %s, and there are %v", svc.Name, p.TargetPort.String(), ports)
			}
		}
	}
	if s.policy != nil {
		for _, rule := range s.policy.Spec.Ingress {
			for _, p := range rule.Ports {
				if ports[p.Port.String()] == 0 {
					t.Errorf("the policy lets in to %s", p.Port)
				}
			}
		}
	}
	if s.ingress != nil {
		for _, p := range s.ingress.Spec.Rules[0].HTTP.Paths {
			if p.Backend.Service.Name != s.service.Name || p.Backend.Service.Port.Name != "mcp" {
				t.Errorf("%s leads to %+v", p.Path, p.Backend.Service)
			}
			if p.Path == "/" || strings.HasSuffix(p.Path, "z") {
				t.Errorf("%s is open to the outside", p.Path)
			}
		}
	}
	if s.monitor != nil && !named[s.monitor.Spec.Endpoints[0].Port] {
		t.Errorf("the monitor asks port %s", s.monitor.Spec.Endpoints[0].Port)
	}
}

func (s *set) volumesAgree(t *testing.T) {
	t.Helper()
	pod := s.gateways.Spec.Template.Spec
	there := map[string]bool{}
	for _, v := range pod.Volumes {
		there[v.Name] = true
		if v.ConfigMap != nil && v.ConfigMap.Name != s.config.Name {
			t.Errorf("the volume %s is of %s", v.Name, v.ConfigMap.Name)
		}
	}
	for _, v := range s.gateways.Spec.VolumeClaimTemplates {
		there[v.Name] = true
	}
	used := map[string]bool{}
	for _, c := range pod.Containers {
		for _, m := range c.VolumeMounts {
			if used[m.Name] = true; !there[m.Name] {
				t.Errorf("%s mounts %s, which is nowhere", c.Name, m.Name)
			}
			if m.Name == "config" && s.config.Data[m.SubPath] == "" {
				t.Errorf("%s mounts %s of the configuration, which has no such file", c.Name, m.SubPath)
			}
		}
	}
	if len(used) != len(there) {
		t.Errorf("volumes %v, of which are used %v", there, used)
	}
	const margin = 10 // seconds for the audit log and the connections of the operator
	notice, grace := seconds(t, s, "notice"), seconds(t, s, "grace")
	if *pod.TerminationGracePeriodSeconds < notice+grace+margin {
		t.Errorf("the kubelet waits %d s, and the gateway takes %d and %d", *pod.TerminationGracePeriodSeconds, notice, grace)
	}
}

func seconds(t *testing.T, s *set, key string) (n int64) {
	t.Helper()
	var file struct {
		Listen struct {
			Stop map[string]string `json:"stop"`
		} `json:"listen"`
	}
	if err := yaml.Unmarshal([]byte(s.config.Data["doorward.yaml"]), &file); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(file.Listen.Stop[key], "%ds", &n); err != nil {
		t.Fatalf("listen.stop.%s: %v", key, err)
	}
	return n
}

// isClosed holds the pod to the profile "restricted" of the Pod Security Standards, and to
// a root that cannot be written.
func (s *set) isClosed(t *testing.T) {
	t.Helper()
	pod := s.gateways.Spec.Template.Spec
	if p := pod.SecurityContext; !*p.RunAsNonRoot || *p.RunAsUser == 0 || p.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's context is %+v", p)
	}
	if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod has a token or a namespace of the node")
	}
	unmasked := pod.HostUsers != nil && !*pod.HostUsers
	for _, c := range pod.Containers {
		sc := c.SecurityContext
		if *sc.AllowPrivilegeEscalation || !*sc.ReadOnlyRootFilesystem || len(sc.Capabilities.Drop) != 1 || sc.Capabilities.Drop[0] != "ALL" || len(sc.Capabilities.Add) != 0 || sc.Privileged != nil {
			t.Errorf("%s: %+v", c.Name, sc)
		}
		if sc.ProcMount != nil && *sc.ProcMount == core.UnmaskedProcMount && !unmasked {
			t.Errorf("%s has /proc unmasked without a user namespace", c.Name)
		}
		if c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s may take all of the node's memory", c.Name)
		}
	}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			t.Errorf("%s is the node's", v.Name)
		}
	}
}

// hasNoSecret: secrets come from Secrets that are there, and the chart makes none.
func (s *set) hasNoSecret(t *testing.T) {
	t.Helper()
	for _, c := range s.gateways.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.ValueFrom != nil {
				t.Errorf("%s is a secret in the environment", e.Name)
			}
		}
	}
}

// TestValuesThatAreRefused: values that would be less safe than they look render nothing.
func TestValuesThatAreRefused(t *testing.T) {
	t.Parallel()
	least, err := os.ReadFile("testdata/one.values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, held := load(t), schema(t)
	for more, want := range map[string]string{
		"replicas: 2": "config.state.redis and config.state.key",
		"config: {listen: {trusted_proxies: []}}":          "config.listen.trusted_proxies is needed",
		"autoscaling: {enabled: true}":                     "config.state.redis and config.state.key",
		"replicas: 2\nconfig: {state: {redis: a, key: b}}": "needs lock",
		"replicas: 0":                             "minimum",
		"replica: 2":                              "additional properties",
		"image: {digest: latest}":                 "digest",
		"config: {data_dir: /tmp}":                "data_dir",
		"config: {listen: {address: 0.0.0.0:80}}": "address",
		"config: {trust: {lock: /tmp/lock}}":      "lock",
		"secretFiles: [{name: a, value: s3cret}]": "secretName",
		"secretFiles: [{name: a, secretName: b, key: c}]\nconfig: {secrets: {a: {from: store}}}": "both have a",
		"ingress: {enabled: true, host: mcp.example.com}":                                        "tlsSecretName",
		"metrics: {enabled: true}":          "by its digest",
		"metrics: {image: haproxy}":         "image",
		"metrics: {serviceMonitor: true}":   "needs metrics.enabled",
		"confinedCommands: {enabled: true}": "seccompProfile",
		"networkPolicy: {from: []}":         "from",
		"user: 0":                           "user",
	} {
		values, err := c.With(least)
		if err != nil {
			t.Fatal(err)
		}
		var mine map[string]any
		if err := yaml.UnmarshalStrict([]byte(more), &mine); err != nil {
			t.Fatal(err)
		}
		values = chart.Over(values, mine)
		err = held.Validate(values)
		if err == nil {
			_, err = c.Render("edge", values)
		}
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%s: %v, want %s", more, err, want)
		}
	}
}
