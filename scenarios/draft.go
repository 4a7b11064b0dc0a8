package scenarios

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
)

// Draft writes a first scenario for manifests, which lie in the folder that the
// scenario is to lie in: a load on each Service that a workload of theirs stands
// behind, a fault that strikes it, and a remedy beside it. The author goes on from
// there.
func Draft(manifests []string) ([]byte, error) {
	d, err := readDraft(manifests)
	if err != nil {
		return nil, err
	}
	if len(d.Loads) == 0 {
		return nil, seatrial.Fail(seatrial.BadInput, errors.New("no Service in these manifests has a Deployment or StatefulSet behind it"),
			"name the file that has the Service, too: users come through it")
	}
	var text bytes.Buffer
	err = draftTemplate.Execute(&text, d)
	return text.Bytes(), err
}

// draft is what the template needs.
type draft struct {
	Name      string
	Manifests []string
	Loads     []draftLoad
}

type draftLoad struct {
	Name, URL string
	Selector  string // of the pods behind it
	Namespace string // theirs; empty for default
}

//go:embed draft.tmpl
var draftText string

var draftTemplate = template.Must(template.New("draft").Funcs(template.FuncMap{"join": strings.Join}).Parse(draftText))

func readDraft(manifests []string) (*draft, error) {
	folder, err := os.OpenRoot(".")
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading the folder of the manifests: %w", err), "")
	}
	defer folder.Close() // read only: nothing can be lost
	found := &findings{}
	r := newRenderer("scenario.yaml", folder.FS(), found)
	d := &draft{}
	var objects []object
	for _, path := range manifests {
		name := filepath.ToSlash(filepath.Clean(path))
		data, err := readLimited(folder.Open(name))
		if err != nil {
			return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading a manifest: %w", err),
				"stand in the folder that the scenario is to lie in, and name manifests there or below")
		}
		d.Manifests = append(d.Manifests, name)
		objects = append(objects, r.parse(name, data)...)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.id.kind == "Service" {
			if err := d.add(o, objects); err != nil {
				return nil, err
			}
		}
	}
	if len(d.Loads) > 0 {
		d.Name = d.Loads[0].Name
	}
	return d, nil
}

// add makes a load of a service that has a workload behind it.
func (d *draft) add(o object, all []object) error {
	var s corev1.Service
	if err := json.Unmarshal(o.json, &s); err != nil {
		return fmt.Errorf("reading %s: %w", o.id, err)
	}
	i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Protocol == "" || p.Protocol == corev1.ProtocolTCP })
	if i < 0 || len(s.Spec.Selector) == 0 {
		return nil
	}
	chosen := labels.SelectorFromSet(s.Spec.Selector)
	if !slices.ContainsFunc(all, func(w object) bool { return w.id.namespace == o.id.namespace && chosen.Matches(templateLabels(w)) }) {
		return nil
	}
	l := draftLoad{Name: s.Name, Selector: chosen.String(), URL: fmt.Sprintf("http://%s.%s.svc.cluster.local", s.Name, o.id.namespace)}
	if port := s.Spec.Ports[i].Port; port != 80 {
		l.URL += fmt.Sprintf(":%d", port)
	}
	if o.id.namespace != corev1.NamespaceDefault {
		l.Namespace = o.id.namespace
	}
	d.Loads = append(d.Loads, l)
	return nil
}

// templateLabels are those of a workload's pods; none for another object.
func templateLabels(o object) labels.Set {
	var w appsv1.Deployment // of which a StatefulSet has the same fields
	if o.id.kind != "Deployment" && o.id.kind != "StatefulSet" || json.Unmarshal(o.json, &w) != nil {
		return nil
	}
	return w.Spec.Template.Labels
}
