"""Baleen's model against transformers' Llama, Qwen2 and Qwen3, in FP64: logits, loss, gradients, ten AdamW steps.

transformers_llama_test.py MODEL_PROBE   (Python of tools/setup_test_venv)
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy
import torch
import transformers
from transformers import modeling_rope_utils
from transformers.models.llama import modeling_llama
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3

PROBE = sys.argv.pop(1) if len(sys.argv) > 1 else sys.exit(__doc__)
SEQUENCES, LENGTH, STEPS = 3, 20, 10
SHAPE = {"layers": 3, "dim": 32, "heads": 4, "kv_heads": 2, "ffn_dim": 56, "vocab_size": 61, "max_sequence_length": 32,
         "rope_theta": 10000.0, "norm_eps": 1e-5, "tie_embeddings": False}
OPTIMIZER = {"name": "adamw", "lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0}
LLAMA3 = {"rope_scaling": "llama3", "rope_factor": 8.0, "rope_low_freq_factor": 1.0, "rope_high_freq_factor": 4.0,
          "rope_original_max_positions": 16}


class WideTorch:
    """The torch module with float32 being float64. transformers computes norms, softmax and rotary tables in FP32 whatever
    the model's type, which alone is off by 6e-6."""
    float = float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def lift_to_fp64():
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    wide = WideTorch()
    for module in (modeling_rope_utils, modeling_llama, modeling_qwen2, modeling_qwen3):
        module.torch = wide
    softmax = torch.nn.functional.softmax  # eager attention reaches it through torch.nn
    torch.nn.functional.softmax = lambda x, dim, dtype=None: softmax(x, dim=dim)


def rope_parameters(model):
    rope = {"rope_type": model.get("rope_scaling", "default"), "rope_theta": model["rope_theta"]}
    if rope["rope_type"] != "default":
        rope["factor"] = model["rope_factor"]
    if rope["rope_type"] == "llama3":
        rope.update(low_freq_factor=model["rope_low_freq_factor"], high_freq_factor=model["rope_high_freq_factor"],
                    original_max_position_embeddings=model["rope_original_max_positions"])
    return rope


def make_peer(family, model):
    options = {"hidden_size": model["dim"], "num_hidden_layers": model["layers"], "num_attention_heads": model["heads"],
               "num_key_value_heads": model["kv_heads"], "intermediate_size": model["ffn_dim"],
               "vocab_size": model["vocab_size"], "max_position_embeddings": model["max_sequence_length"],
               "rms_norm_eps": model["norm_eps"], "tie_word_embeddings": model["tie_embeddings"],
               "head_dim": model["dim"] // model["heads"], "rope_parameters": rope_parameters(model),
               "attn_implementation": "eager", "dtype": torch.float64}
    torch.manual_seed(1)
    config = getattr(transformers, family + "Config")(**options)
    peer = getattr(transformers, family + "ForCausalLM")(config)
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)  # norms and biases that matter
    return peer


def toml(**sections):
    def value(x):
        return str(x).lower() if isinstance(x, bool) else f'"{x}"' if isinstance(x, str) else str(x)
    return "".join(f"[{name}]\n" + "".join(f"{k} = {value(v)}\n" for k, v in keys.items()) for name, keys in sections.items())


def make_tokens(vocabulary):
    torch.manual_seed(2)
    tokens = torch.randint(0, vocabulary, (SEQUENCES, LENGTH))
    targets = torch.randint(0, vocabulary, (SEQUENCES, LENGTH))
    targets[0, 3:6] = -100
    return tokens, targets


class Baleen:
    """What model_probe.cpp computes from the peer's parameters."""

    def __init__(self, peer, model, tokens, targets):
        self.shapes = {name: tuple(p.shape) for name, p in peer.named_parameters()}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "config.toml").write_text(
                toml(model=model, optimizer=OPTIMIZER, probe={"sequence_length": LENGTH, "steps": STEPS}))
            tokens.numpy().tofile(folder / "tokens")
            targets.numpy().tofile(folder / "targets")
            (folder / "parameters").mkdir()
            for name, parameter in peer.named_parameters():
                parameter.detach().numpy().tofile(folder / "parameters" / name)
            subprocess.run([PROBE, folder], check=True)
            self.logits = self.read(folder / "logits").view(SEQUENCES, LENGTH, -1)
            self.losses = self.read(folder / "losses")
            self.gradients = self.read_all(folder / "gradients")
            self.trained = self.read_all(folder / "trained")

    @staticmethod
    def read(path):
        return torch.from_numpy(numpy.fromfile(path))

    def read_all(self, folder):
        assert sorted(path.name for path in folder.iterdir()) == sorted(self.shapes)
        return {name: self.read(folder / name).view(shape) for name, shape in self.shapes.items()}


def train(peer, tokens, targets):
    """Ten steps on one batch; yields the loss of each, with the gradients in place, before it updates."""
    decayed = [p for p in peer.parameters() if p.ndim > 1]
    rest = [p for p in peer.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": rest, "weight_decay": 0.0}], lr=OPTIMIZER["lr"],
                                  betas=OPTIMIZER["betas"], eps=OPTIMIZER["eps"], weight_decay=OPTIMIZER["weight_decay"])
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = peer(tokens, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        yield loss.item()
        torch.nn.utils.clip_grad_norm_(peer.parameters(), OPTIMIZER["max_grad_norm"])
        optimizer.step()


class TransformersTest(unittest.TestCase):
    def near(self, actual, expected, what, tolerance=1e-10):
        error = ((actual - expected).abs().max() / expected.abs().max()).item()
        self.assertLess(error, tolerance, what)

    def compare(self, family, **options):
        model = {**SHAPE, **options}
        peer_options = {k: v for k, v in model.items() if k not in ("qkv_bias", "qk_norm")}
        peer = make_peer(family, peer_options)
        tokens, targets = make_tokens(model["vocab_size"])
        baleen = Baleen(peer, model, tokens, targets)
        with torch.no_grad():
            self.near(baleen.logits, peer(tokens, use_cache=False).logits, "logits")
        for step, loss in enumerate(train(peer, tokens, targets)):
            self.assertAlmostEqual(baleen.losses[step].item(), loss, delta=1e-11 * loss, msg=f"loss of step {step}")
            if step == 0:
                for name, parameter in peer.named_parameters():
                    self.near(baleen.gradients[name], parameter.grad, f"gradient of {name}")
        for name, parameter in peer.named_parameters():
            self.near(baleen.trained[name], parameter.detach(), f"{name} after {STEPS} steps")

    def test_llama(self):
        self.compare("Llama")

    def test_llama_with_tied_embeddings(self):
        self.compare("Llama", tie_embeddings=True)

    def test_llama_without_grouped_queries(self):
        self.compare("Llama", kv_heads=4)

    def test_llama_with_linear_rope_scaling(self):
        self.compare("Llama", rope_scaling="linear", rope_factor=4.0)

    def test_llama3_rope_scaling(self):
        self.compare("Llama", **LLAMA3)

    def test_qwen2_biases(self):
        self.compare("Qwen2", qkv_bias=True)

    def test_qwen3_head_norms(self):
        self.compare("Qwen3", qk_norm=True, tie_embeddings=True)


if __name__ == "__main__":
    lift_to_fp64()
    unittest.main()
