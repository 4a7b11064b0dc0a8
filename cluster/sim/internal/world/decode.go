package world

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial"
)

// Apply creates or updates the objects of a YAML stream. A kind that is not
// modelled is an error where it could matter, and a warning where it cannot.
func (w *World) Apply(manifests []byte) error {
	reader := yamlstream.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.applyOne(document)
		}
		if err != nil {
			return seatrial.Fail(seatrial.BadInput, fmt.Errorf("applying the manifests to the simulated cluster: %w", err),
				"correct the manifest, or run with --on kind")
		}
	}
}

// object is what every manifest has.
type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}

func (w *World) applyOne(document []byte) error {
	var o object
	if err := yaml.Unmarshal(document, &o); err != nil {
		return err
	}
	if o.Kind == "" {
		return nil // an empty document
	}
	apply, known := appliers[o.APIVersion+" "+o.Kind]
	switch {
	case known:
		if err := apply(w, document); err != nil {
			return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
		}
		return nil
	case slices.Contains(harmless, o.Kind):
		return nil
	case slices.Contains(ignored, o.Kind):
		w.warn("%s %s has no effect in the simulator", o.Kind, o.Name)
		return nil
	}
	return fmt.Errorf("%s %s (%s) is not modelled by the simulator", o.Kind, o.Name, o.APIVersion)
}

// harmless kinds change nothing that is modelled.
var harmless = []string{"Namespace", "ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole",
	"ClusterRoleBinding", "PersistentVolume", "StorageClass", "PriorityClass"}

// ignored kinds could change what users feel, and do not here.
var ignored = []string{"Ingress", "NetworkPolicy", "HorizontalPodAutoscaler", "CronJob", "Job", "LimitRange", "ResourceQuota",
	"EndpointSlice", "Endpoints"}

var appliers = map[string]func(*World, []byte) error{
	"apps/v1 Deployment":            apply((*World).applyDeployment),
	"apps/v1 StatefulSet":           apply((*World).applyStatefulSet),
	"apps/v1 DaemonSet":             apply((*World).applyDaemonSet),
	"v1 Service":                    apply((*World).applyService),
	"v1 Pod":                        apply((*World).applyPod),
	"v1 PersistentVolumeClaim":      apply((*World).applyClaim),
	"policy/v1 PodDisruptionBudget": apply((*World).applyBudget),
}

func apply[T any](to func(*World, *T) error) func(*World, []byte) error {
	return func(w *World, document []byte) error {
		o := new(T)
		if err := yaml.UnmarshalStrict(document, o); err != nil {
			return err
		}
		return to(w, o)
	}
}

func (w *World) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(w.Warnings, text) {
		w.Warnings = append(w.Warnings, text)
	}
}

func orDefault(namespace string) string {
	if namespace == "" {
		return metav1.NamespaceDefault
	}
	return namespace
}

func (w *World) applyPod(p *corev1.Pod) error {
	t, err := w.template(orDefault(p.Namespace), &p.ObjectMeta, &p.Spec)
	if err != nil {
		return err
	}
	if w.Pod(t.Namespace, p.Name) == nil {
		w.scheduler.enqueue(w.create(nil, t, p.Name))
	}
	return nil
}

// Reset takes the workload away: what is not the system's.
func (w *World) Reset() {
	w.deleted = map[owner]bool{}
	w.owners = slices.DeleteFunc(w.owners, func(o owner) bool {
		if o.system() {
			return false
		}
		w.deleted[o] = true
		if d, ok := o.(*deployment); ok {
			for _, r := range d.sets {
				w.deleted[r] = true
			}
		}
		return true
	})
	w.services = slices.DeleteFunc(w.services, func(s *Service) bool { return s.Namespace != systemNamespace })
	w.budgets, w.laggard = nil, nil
	clear(w.claims)
	w.generation++
	for _, p := range w.Pods("", everything) {
		if p.Namespace != systemNamespace {
			p.owner = nil
			p.Delete(-1)
		}
	}
}

// Empty says whether nothing of a workload is left.
func (w *World) Empty() bool {
	for _, p := range w.pods {
		if p.Namespace != systemNamespace {
			return false
		}
	}
	return true
}

// short names an image without its registry and tag.
func short(image string) string {
	image = image[strings.LastIndex(image, "/")+1:]
	name, _, _ := strings.Cut(image, ":")
	return name
}
