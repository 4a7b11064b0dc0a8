package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/seatrial/seatrial"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/restmapper"
)

// kinds knows which resources the API server serves, and asks again when it
// meets a kind that it does not know.
type kinds struct {
	discovery discovery.DiscoveryInterfaceWithContext

	mu     sync.Mutex
	mapper meta.RESTMapper
}

func (k *kinds) mapping(ctx context.Context, gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mapper != nil {
		mapping, err := k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if !meta.IsNoMatchError(err) {
			return mapping, err
		}
	}
	groups, err := restmapper.GetAPIGroupResourcesWithContext(ctx, k.discovery)
	if err != nil {
		return nil, fmt.Errorf("asking the API server what it serves: %w", err)
	}
	k.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	return k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}

// removable lists all resources that can be listed and deleted, each in one
// version. Events are left out: they carry no labels of ours and expire. It
// fails when a group cannot be asked, because a proof over the rest is none.
func (k *kinds) removable(ctx context.Context) ([]schema.GroupVersionResource, error) {
	served, err := discovery.ServerPreferredResourcesWithContext(ctx, k.discovery)
	if err != nil {
		return nil, fmt.Errorf("asking the API server what it serves: %w", err)
	}
	var found []schema.GroupVersionResource
	for _, group := range served {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("reading what the API server serves: %w", err)
		}
		for _, r := range group.APIResources {
			if r.Name != "events" && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") {
				found = append(found, version.WithResource(r.Name))
			}
		}
	}
	return found, nil
}

// refused is the user's turn when the API server read the object and said no,
// and the cluster's when it did not answer.
func refused(err error) seatrial.Class {
	if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
		return seatrial.BadInput
	}
	return seatrial.Infrastructure
}
