"""Networks of other packages, made to answer what the networks of this one answer.

=============  ==============================================================================
network        ``Foreign``, a :class:`segxal.models.base.Network` around any ``torch.nn.Module``
output         the logits in whatever the module returns
maps           tokens and channels-last outputs of a layer as maps (N, K, h, w)
layers         which layer Grad-CAM looks at when none is named
normalisation  mean and standard deviation of the images the module was trained on
=============  ==============================================================================
"""
