"""Each loss of the paper against the plainest reference in float64, and its gradient against differences."""

import numpy as np
import pytest
import torch
from deepblend.engine.paper import losses as L

DOUBLE = torch.float64


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(5)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=DOUBLE)


def laplacian_by_loops(picture: np.ndarray) -> np.ndarray:
    channels, height, width = picture.shape
    out = np.zeros_like(picture)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
                known = [picture[c, j, i] for j, i in around if 0 <= j < height and 0 <= i < width]
                out[c, y, x] = 4 * picture[c, y, x] - sum(known)
    return out


def test_laplacian(draw):
    picture = draw(1, 3, 5, 7)
    np.testing.assert_allclose(L.laplacian(picture)[0], laplacian_by_loops(picture[0].numpy()), atol=1e-12)


def test_laplacian_of_one_pixel(draw):
    pixel = draw(1, 3, 1, 1)
    assert torch.equal(L.laplacian(pixel), 4 * pixel)


def test_gradient_loss_is_the_mean_over_channels_of_the_mean_square(draw):
    blend, guidance = draw(1, 3, 4, 6), draw(1, 3, 4, 6)
    difference = laplacian_by_loops(blend[0].numpy()) - guidance[0].numpy()
    wanted = np.mean([np.mean(difference[c] ** 2) for c in range(3)])
    assert L.gradient_loss(blend, guidance).item() == pytest.approx(wanted, rel=1e-12)


def gram_by_loops(features: np.ndarray) -> np.ndarray:
    channels, height, width = features.shape
    return np.array(
        [
            [(features[i] * features[j]).sum() / (channels * height * width) for j in range(channels)]
            for i in range(channels)
        ]
    )


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_gram_in_either_memory_layout(draw, memory):
    features = draw(1, 4, 3, 5)
    np.testing.assert_allclose(
        L.gram(features.to(memory_format=memory)), gram_by_loops(features[0].numpy()), rtol=1e-12
    )


def test_style_loss_is_the_mean_over_layers(draw):
    ours, theirs = [draw(1, 4, 3, 5), draw(1, 2, 2, 2)], [draw(1, 4, 6, 2), draw(1, 2, 1, 1)]
    wanted = np.mean(
        [
            ((gram_by_loops(a[0].numpy()) - gram_by_loops(b[0].numpy())) ** 2).mean()
            for a, b in zip(ours, theirs, strict=True)
        ]
    )
    assert L.style_loss(ours, [L.gram(b) for b in theirs]).item() == pytest.approx(wanted, rel=1e-12)


def test_content_loss(draw):
    a, b = draw(1, 4, 3, 5), draw(1, 4, 3, 5)
    assert L.content_loss(a, b).item() == pytest.approx(((a - b).numpy() ** 2).mean(), rel=1e-12)


def test_total_variation(draw):
    picture = draw(1, 3, 4, 6)
    array = picture[0].numpy()
    wanted = np.abs(np.diff(array, axis=1)).sum() + np.abs(np.diff(array, axis=2)).sum()
    assert L.total_variation(picture).item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, draw: L.gradient_loss(x, draw(1, 3, 4, 5)),
        lambda x, draw: L.style_loss([x], [L.gram(draw(1, 3, 4, 5))]),
        lambda x, draw: L.content_loss(x, draw(1, 3, 4, 5)),
        lambda x, draw: L.total_variation(x),
    ],
    ids=["gradient", "style", "content", "tv"],
)
def test_gradients(draw, loss):
    x = draw(1, 3, 4, 5).requires_grad_()
    generator = torch.Generator()

    def same_each_time(x):
        generator.manual_seed(9)
        return loss(x, lambda *shape: torch.randn(shape, generator=generator, dtype=DOUBLE))

    assert torch.autograd.gradcheck(same_each_time, (x,))


def test_quantiles_of_as_many_values_are_the_values_in_order(draw):
    values = draw(3, 50)
    assert torch.equal(L.quantiles(values, 50), values.sort(dim=1).values)


def test_quantiles_of_a_line_are_evenly_spaced():
    values = torch.arange(1000, dtype=torch.float32).flip(0)[None]
    wanted = (torch.arange(40) + 0.5) * 25 - 0.5
    torch.testing.assert_close(L.quantiles(values, 40)[0], wanted)
    torch.testing.assert_close(L.quantiles(values[:, -3:], 6)[0], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2]))


def test_matching_finds_a_monotone_change_of_the_same_values(draw):
    values = draw(4, 301)
    changed = 3 * values.exp() + 1
    shuffled = changed[:, torch.randperm(301, generator=torch.Generator().manual_seed(0))]
    torch.testing.assert_close(L.match_histogram(values, L.quantiles(shuffled, 301)), changed)


def test_matching_keeps_equal_values_equal():
    values = torch.tensor([[0.0, 5.0, 0.0, 0.0, 7.0]])
    table = torch.tensor([[1.0, 2.0, 3.0, 40.0, 50.0]])
    assert L.match_histogram(values, table).tolist() == [[2.0, 40.0, 2.0, 2.0, 50.0]]
    assert L.match_histogram(values[:, 1:], table[:, 1:]).tolist() == [[40.0, 2.5, 2.5, 50.0]]


def test_histogram_loss_counts_the_cells_inside_only(draw):
    features, cells = draw(1, 3, 4, 4), torch.tensor([1, 2, 5, 6, 11])
    reference = draw(3, 40)
    table = L.quantiles(reference, 5)
    values = features.flatten(2)[0][:, cells].numpy()
    order = values.argsort(axis=1)
    wanted = np.empty_like(values)
    np.put_along_axis(wanted, order, table.numpy(), axis=1)
    x = features.clone().requires_grad_()
    loss = L.histogram_loss([x], [cells], [table])
    assert loss.item() == pytest.approx(((values - wanted) ** 2).mean(), rel=1e-12)

    loss.backward()
    gradient = np.zeros((3, 16))  # with the remapped features held constant
    gradient[:, cells.numpy()] = 2 * (values - wanted) / values.size
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.flatten(2)[0], gradient, atol=1e-12)


def test_histogram_loss_of_the_targets_own_distribution_is_zero(draw):
    features = draw(1, 3, 4, 4)
    everywhere = torch.arange(16)
    table = L.quantiles(features.flatten(2)[0], 16)
    assert L.histogram_loss([features.flip(3)], [everywhere], [table]).item() == 0


def test_histogram_loss_of_what_has_run_off_is_not_finite_and_no_fault(draw):
    features = draw(1, 3, 4, 4)
    features[0, 1] = float("nan")
    features[0, 2, 0] = float("inf")
    loss = L.histogram_loss([features], [torch.arange(16)], [L.quantiles(draw(3, 30), 16)])
    assert not loss.isfinite()
