"""What does simulation answer to a problem? The one place where problems become arrays, and samples a result."""
from __future__ import annotations
import numpy as np
from modelcollapse.checks import Array
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import TeacherLaw
from modelcollapse.simulation.mixture import Design
from modelcollapse.simulation.moments import Component
from modelcollapse.simulation.resolvent import Fit, Way

DIAGONAL = 1e-10

def translate(problem: Mixture) -> Design:
    basis, covariances, symmetric = working(problem)
    return Design(
        n_samples=tuple(s.n_samples for s in problem.sources),
        roots=tuple(root_of(c) for c in covariances),
        covariances=covariances,
        target=problem.target_index,
        components=components_of(problem.teachers, basis, symmetric=symmetric),
        symmetric=symmetric)

def working(problem):
    spectra = problem.spectra
    if all(s.eigenvalues is not None for s in spectra):
        return None, tuple(s.eigenvalues for s in spectra), True
    mats=[np.diag(s.eigenvalues) if s.covariance is None else s.covariance for s in spectra]
    scale=[np.abs(m).max() or 1.0 for m in mats]
    mix=sum((1+0.3*k)**0.5*m/c for k,(m,c) in enumerate(zip(mats,scale)))
    _,v=np.linalg.eigh(mix)
    rot=[v.T@m@v for m in mats]
    if all(np.abs(r-np.diag(np.diag(r))).max()<=DIAGONAL*c for r,c in zip(rot,scale)):
        return v, tuple(np.clip(np.diag(r),0,None) for r in rot), True
    _,v=np.linalg.eigh(mats[problem.target_index])
    rot=[v.T@m@v for m in mats]
    out=[]
    for k,r in enumerate(rot):
        if np.abs(r-np.diag(np.diag(r))).max()<=DIAGONAL*scale[k]: out.append(np.clip(np.diag(r).copy(),0,None))
        else: out.append((r+r.T)/2)
    return v, tuple(out), False

def root_of(c):
    if c.ndim==1:
        tiny=len(c)*np.finfo(float).eps*c.max()
        if (c>tiny).all(): return np.sqrt(c)
        return np.eye(len(c))[:,c>tiny]*np.sqrt(c[c>tiny])
    try:
        return np.linalg.cholesky(c[::-1,::-1])[::-1,::-1].copy()
    except np.linalg.LinAlgError:
        w,v=np.linalg.eigh(c); keep=w>len(w)*np.finfo(float).eps*w.max()
        return v[:,keep]*np.sqrt(w[keep])

def components_of(law, basis, *, symmetric):
    d=law.fixed.shape[1]
    out=[]
    fixed=law.fixed if basis is None else law.fixed@basis
    if fixed.any(): out.append(Component(loadings=fixed, root=None if symmetric else np.ones((d,1))))
    for c in range(len(law.variances)):
        D=law.directions[c]; D=np.eye(d) if D is None else D
        B=np.eye(d) if basis is None else basis
        ov=B.T@D
        l=law.loadings[:,c]
        if symmetric: out.append(Component(loadings=np.outer(l,np.sqrt(ov**2@law.variances[c])),root=None))
        else: out.append(Component(loadings=np.outer(l,np.ones(d)),root=ov*np.sqrt(law.variances[c])))
    if not out: out.append(Component(loadings=np.zeros((len(law.fixed),d)),root=None if symmetric else np.ones((d,1))))
    return tuple(out)

def fit_of(problem, design):
    w=tuple(s.weight for s in problem.sources)
    d=design.n_features
    f=d if problem.width is None else min(problem.width,d)
    cols=sum(min(n,r.shape[-1]) for n,r,ww in zip(design.n_samples,design.roots,w) if ww>0)
    rank=min(cols,f)
    way=Way.DUAL if cols<=f else Way.PRIMAL
    return Fit(weight=w,ridge=problem.ridge,width=problem.width,rank=rank,way=way)
